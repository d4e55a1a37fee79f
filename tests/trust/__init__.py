"""What an operator relies on, as figures: load held, faults survived, bad input refused, nothing lost."""
