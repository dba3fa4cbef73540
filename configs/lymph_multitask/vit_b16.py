"""Lymph nodes with a ViT-B/16 in the place of the ResNet-152.

The position embedding of weights from images of 224 pixels is interpolated when they are loaded.
"""

_base_ = './resnet152.py'

backbone = '${families.vit}'
