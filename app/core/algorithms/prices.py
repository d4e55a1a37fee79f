"""What each unit of work takes, in nanoseconds: of each algorithm, in each dtype, of each feature.

Fitted to measurements by `python -m benchmarks fit`, on two threads.
"""

PRICES: dict[str, dict[str, dict[str, float]]] = {
    "direct": {
        "float32": {"in_line": 0.045, "strided": 0.11, "phased": 0.055, "passes": 8.0, "call": 5000.0},
        "float64": {"in_line": 0.09, "strided": 0.22, "phased": 0.11, "passes": 8.0, "call": 5000.0},
        "int64": {"in_line": 0.14, "strided": 0.35, "phased": 0.17, "passes": 8.0, "call": 5000.0},
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
    "fourier": {
        "float32": {"levels": 0.4, "moved": 1.5, "products": 1.0, "scanned": 0.5, "calls": 10000.0, "call": 50000.0},
        "float64": {"levels": 0.8, "moved": 3.0, "products": 2.0, "scanned": 1.0, "calls": 10000.0, "call": 50000.0},
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
