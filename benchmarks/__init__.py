"""Measures the check against the simulator: requests, CPU, wall time and memory. Run with `python -m benchmarks`."""
