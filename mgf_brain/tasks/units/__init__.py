"""What every layer knows of phones, without a training: ABX, and clusters against phones."""
