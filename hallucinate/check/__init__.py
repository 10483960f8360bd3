"""``hallucinate check``: whether a film flashes, when, where and how much, in words and as a plot."""
