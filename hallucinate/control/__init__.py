"""Control: the one door through which settings change while the dream goes on."""
