"""The metrics: every public function of these files is one. `analysis/compute/metric.py` defines what a metric is."""
