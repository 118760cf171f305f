"""The metrics: every public function of every file here is one. `analysis/compute/metric.py` says what that means."""
