"""hallucinate: frames in, hallucinations out, live."""

__version__ = "0.1.0"
