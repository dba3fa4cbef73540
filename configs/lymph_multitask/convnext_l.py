"""Lymph nodes with a ConvNeXt-L in the place of the ResNet-152."""

_base_ = './resnet152.py'

backbone = '${families.convnext}'
