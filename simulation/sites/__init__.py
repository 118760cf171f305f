"""The two simulated services: the Hub and Ecosyste.ms."""
