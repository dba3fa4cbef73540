from __future__ import annotations

from types import SimpleNamespace

from usmm.engine import ProgressHook


def runner(epoch: int, iteration: int) -> SimpleNamespace:
    scalars = {'train/loss': SimpleNamespace(mean=lambda window: 0.25)}
    hub = SimpleNamespace(log_scalars=scalars)
    return SimpleNamespace(epoch=epoch, iter=iteration, max_iters=10, max_epochs=5, message_hub=hub)


def test_one_line_an_epoch_with_loss_score_and_time_left(capsys):
    hook = ProgressHook('demo', 'auc')
    hook.before_train(runner(0, 0))
    hook.after_train_iter(runner(0, 1), 0)
    hook.after_val_epoch(runner(1, 2), {'auc': 0.8125})
    hook.after_train_epoch(runner(1, 4))
    hook.after_train(runner(5, 10))
    line = capsys.readouterr().out
    assert line.startswith('demo  epoch 2/5  loss 0.250  val auc 0.812  ETA 0:00')


def test_live_bar_in_a_terminal(monkeypatch):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    hook = ProgressHook('demo')
    hook.before_train(runner(0, 0))
    assert hook._bar is not None
    hook.after_train_iter(runner(0, 4), 0)
    assert hook._bar.tasks[0].completed == 5 and hook._bar.tasks[0].total == 10
    hook.after_train(runner(5, 10))
    assert hook._bar is None
