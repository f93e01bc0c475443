"""Tiny copies of public sets in their own formats."""

from tests.datamodules.sets import write_celeba, write_cifar, write_folders, write_mnist, write_svhn

WRITERS = {
    "CIFAR10": lambda folder, patch, _: {"root": write_cifar(folder, patch, "CIFAR10", count=40)},
    "CIFAR100": lambda folder, patch, _: {"root": write_cifar(folder, patch, "CIFAR100", count=40)},
    "MNIST": lambda folder, patch, _: {"root": write_mnist(folder)},
    "SVHN": lambda folder, patch, _: {"root": write_svhn(folder, patch)},
    "CelebA": lambda folder, patch, _: {"root": write_celeba(folder)},
    "ImageNet": lambda folder, patch, _: {"root": write_folders(folder), "num_classes": 3, "num_workers": 1},
}
