"""A CTC head for tests that compare what is written."""

from __future__ import annotations

from mgf_brain.nn.ctc_head import CTCHead


def talkative_head(**sizes: int) -> CTCHead:
    """An untrained head whose blanks are not the likelier ones: it would write nothing else."""
    head = CTCHead(**sizes).eval()
    head.classifier.bias.data.zero_()
    return head
