"""roles + profile + facts → an ordered catalog without conflicts."""
