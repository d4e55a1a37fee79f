"""Convarith: convolution arithmetic as a service."""

import os

__version__ = "0.1.0"

# Before NumPy is imported. Its BLAS serves nothing but the rank of a matrix of floats that is shown, and any number of
# requests may ask for one at once: each has the thread that it runs on. A process without threads can also be forked.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
