"""Lymph nodes with a EfficientNet-B7 in the place of the ResNet-152."""

_base_ = './resnet152.py'

backbone = '${families.efficientnet}'
