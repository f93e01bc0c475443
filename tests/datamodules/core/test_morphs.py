import torch

from datamodules.core.morphs import Morphs
from datamodules.core.order import EvalRange


def test_all_steps_of_a_path_share_its_noise_and_go_from_the_first_class_to_the_second():
    latent = Morphs([[1, 2], [0, 3]], num_classes=4, steps=3)[EvalRange(range(0), range(2, 9))]
    assert latent.noise_id.tolist() == [0, 1, 1, 1, 2, 2, 2]
    ends = torch.eye(4)[[1, 2, 0, 3]]
    middle = (ends[::2] + ends[1::2]) / 2
    assert torch.equal(latent.label, torch.stack([ends[1], ends[2], middle[1], ends[3], ends[0], middle[0], ends[1]]))
