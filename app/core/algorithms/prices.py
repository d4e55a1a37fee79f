"""What each unit of work takes, in nanoseconds: of each algorithm, in each dtype, of each feature.

Fitted to measurements by `python -m benchmarks fit`, on two threads.
"""

PRICES: dict[str, dict[str, dict[str, float]]] = {
    "direct": {
        "float32": {
            "tiny": 2000.0,
            "tiny_visits": 0.7,
            "in_line": 0.045,
            "strided": 0.11,
            "phased": 0.055,
            "passes": 8.0,
            "call": 5000.0,
        },
        "float64": {
            "tiny": 2000.0,
            "tiny_visits": 0.7,
            "in_line": 0.09,
            "strided": 0.22,
            "phased": 0.11,
            "passes": 8.0,
            "call": 5000.0,
        },
        "int64": {
            "tiny": 2000.0,
            "tiny_visits": 0.7,
            "in_line": 0.14,
            "strided": 0.35,
            "phased": 0.17,
            "passes": 8.0,
            "call": 5000.0,
        },
    },
    "tiles": {
        "float32": {
            "sums": 0.29,
            "tiles": 10.0,
            "laid": 0.05,
            "lines": 8.0,
            "placed": 0.3,
            "weights": 0.8,
            "bytes": 0.02,
            "call": 8000.0,
        },
        "float64": {
            "sums": 0.29,
            "tiles": 10.0,
            "laid": 0.05,
            "lines": 8.0,
            "placed": 0.3,
            "weights": 0.8,
            "bytes": 0.02,
            "call": 8000.0,
        },
        "int64": {
            "sums": 0.35,
            "tiles": 10.0,
            "laid": 0.05,
            "lines": 8.0,
            "placed": 0.3,
            "weights": 0.8,
            "bytes": 0.02,
            "call": 8000.0,
        },
    },
    "dots": {
        "float32": {"sums": 0.3, "loads": 0.1, "ends": 3.0, "gathered": 0.5, "bytes": 0.02, "call": 20000.0},
        "float64": {"sums": 0.3, "loads": 0.1, "ends": 3.0, "gathered": 0.5, "bytes": 0.02, "call": 20000.0},
        "int64": {"sums": 0.35, "loads": 0.1, "ends": 3.0, "gathered": 0.5, "bytes": 0.02, "call": 20000.0},
    },
    "col2im": {
        "float32": {"sums": 0.3, "copied": 0.1, "stamps": 0.8, "bytes": 0.02, "call": 20000.0},
        "float64": {"sums": 0.3, "copied": 0.15, "stamps": 0.8, "bytes": 0.02, "call": 20000.0},
        "int64": {"sums": 0.35, "copied": 0.15, "stamps": 0.8, "bytes": 0.02, "call": 20000.0},
    },
    "fourier": {
        "float32": {"levels": 0.14, "moved": 2.0, "products": 1.0, "scanned": 0.5, "calls": 50000.0, "call": 50000.0},
        "float64": {"levels": 0.28, "moved": 4.0, "products": 2.0, "scanned": 1.0, "calls": 50000.0, "call": 50000.0},
    },
    "rows": {
        "float32": {"sums": 0.3, "loads": 0.3, "blocks": 20.0, "bytes": 0.02, "call": 10000.0},
        "float64": {"sums": 0.3, "loads": 0.3, "blocks": 20.0, "bytes": 0.02, "call": 10000.0},
        "int64": {"sums": 0.5, "loads": 0.3, "blocks": 20.0, "bytes": 0.02, "call": 10000.0},
    },
    "separable": {
        "float32": {"strided": 0.1, "products": 0.05, "moved": 0.3, "lines": 20.0, "weights": 2.0, "call": 60000.0},
        "float64": {"strided": 0.2, "products": 0.1, "moved": 0.6, "lines": 20.0, "weights": 2.0, "call": 60000.0},
        "int64": {"strided": 0.35, "products": 0.15, "moved": 0.6, "lines": 20.0, "weights": 2.0, "call": 60000.0},
    },
    "winograd": {
        "float32": {
            "sums": 0.36,
            "kernels": 2.7,
            "inputs": 2.0,
            "outputs": 1.0,
            "laid": 0.05,
            "lines": 8.0,
            "bytes": 0.02,
            "call": 8000.0,
        },
        "float64": {
            "sums": 0.36,
            "kernels": 2.7,
            "inputs": 2.0,
            "outputs": 1.0,
            "laid": 0.05,
            "lines": 8.0,
            "bytes": 0.02,
            "call": 8000.0,
        },
    },
}
