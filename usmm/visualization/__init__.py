"""Figures of a run."""

from usmm.visualization.figures.figures import confusion_figure, roc_figure, save, training_figure, weights_figure

__all__ = ['confusion_figure', 'roc_figure', 'save', 'training_figure', 'weights_figure']
