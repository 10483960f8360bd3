"""What takes pictures or packets: one contract for all subscribers, and the encoders that turn pictures to packets."""
