"""Pure judgement: the gates of a snapshot, and the detection of counter events."""
