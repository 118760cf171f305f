"""Pure statistics that metrics share."""
