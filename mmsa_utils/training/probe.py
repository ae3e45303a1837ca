"""LP-FT: the head is trained alone first, then gently together with the encoders.

Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution",
ICLR 2022: a head of random weights sends large gradients into the encoders and spoils what they
know. So a probe, the same network on frozen encoders, gives the head its first weights.
"""

from ..config import Config

_PLAIN = Config()


def has_probe(config: Config) -> bool:
    """Whether a config wants a probe: `probe_first` says nothing where no encoder is trained."""
    return config.probe_first and bool(config.finetune)


def probe_config(config: Config) -> Config:
    """The config of the probe: no encoder is trained, by the schedule of frozen features.

    `epochs`, `patience`, `batch_size` and `warmup_epochs` of a config with `probe_first` are
    those of the fine-tuning; the probe has the defaults of `Config`. All else is the same.
    """
    return config.but(
        finetune=(),
        trained_stages=0,
        probe_first=False,
        epochs=_PLAIN.epochs,
        patience=_PLAIN.patience,
        batch_size=_PLAIN.batch_size,
        warmup_epochs=_PLAIN.warmup_epochs,
    )


def tuning_config(config: Config) -> Config:
    """The config of what follows the probe: one gentle rate for head and encoders.

    `learning_rate` is the probe's; from there all weights move at `encoder_learning_rate`, as in
    the paper. Without a probe the config stays what it is.
    """
    if not has_probe(config):
        return config
    return config.but(learning_rate=config.encoder_learning_rate)
