"""What a teacher copies."""

from __future__ import annotations

import torch
from torch import nn

from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
from mgf_brain.objectives.parts.teacher import EMATeacher


def test_a_teacher_of_layers_has_neither_dropout_nor_gradients():
    layers = nn.ModuleList(EncoderLayer(8, 2, 16, dropout=0.5) for _ in range(2)).train()
    teacher = EMATeacher(layers)
    x = torch.randn(1, 5, 8)
    assert torch.equal(teacher.model[0](x), teacher.model[0](x))
    assert not torch.equal(layers[0](x), layers[0](x))  # the student keeps its own
    assert not any(p.requires_grad for p in teacher.parameters())


def test_a_teacher_drops_no_layer():
    student = TransformerEncoder(4, 8, 4, 2, 16, 0.0, position_kernel=2, position_groups=2)
    student.layer_drop = 0.9
    teacher, x = EMATeacher(student.train()), (torch.randn(1, 5, 4), torch.tensor([5]))
    expected = student.eval()(*x)
    assert all(map(torch.equal, teacher.model.train()(*x), expected))
    assert student.layer_drop == 0.9


def test_an_update_is_the_average_of_every_weight():
    student = nn.ModuleList(EncoderLayer(8, 2, 16) for _ in range(2))
    teacher = EMATeacher(student)
    before = [p.clone() for p in teacher.parameters()]
    for p in student.parameters():
        nn.init.normal_(p)
    teacher.update(student, 0.75)
    for old, new, theirs in zip(before, teacher.parameters(), student.parameters(), strict=True):
        torch.testing.assert_close(new, 0.75 * old + 0.25 * theirs)
