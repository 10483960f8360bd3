"""What flashes in pictures, by published rules: the measure. docs/safety.md has each number's edition and source."""
