from pathlib import Path

import pytest

from lightning_cgan.cli.lightning import main, with_own_requeue
from tests.conftest import DIGITS, same


@pytest.fixture
def complaint(capsys, tmp_path):
    """Runs a command that must fail, with nothing written; gives what it printed on stderr."""

    def run(*args):
        before = sorted(tmp_path.rglob("*"))
        assert main([*args]) == 2
        assert sorted(tmp_path.rglob("*")) == before
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert len(error.splitlines()) <= 3
        return error

    return run


@pytest.fixture
def broken(tmp_path):
    """The digits experiment with one text replaced by another."""

    def write(old, new):
        path = tmp_path / "broken.yaml"
        text = Path(DIGITS).read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return f"--config={path}"

    return write


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("max_steps:", "max_step:", "trainer.max_steps"),
        ("n_critic:", "n_crtic:", "n_critic"),
        ("width:", "widht:", "width"),
        ("data:", "date:", "data"),
        ("datamodules.Digits", "datamodules.digit.Digits", "datamodules.Digits"),
        ("datamodules.Digits", "datamodules.embedded.digits.Digit", "datamodules.embedded.digits.Digits"),
        ("papers.ProjectionGAN", "papers.ProjectonGAN", "lightning_cgan.papers.ProjectionGAN"),
        ("networks.sngan.Generator", "networks.sngan.Generatr", "lightning_cgan.networks.sngan.Generator"),
    ],
)
def test_a_wrong_name_in_a_file_is_answered_with_the_nearest(complaint, broken, old, new, named):
    assert f"The nearest valid name is {named}." in complaint("fit", broken(old, new))


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--trainer.max_step=4", "trainer.max_steps"),
        ("--model.init_args.n_crtic=4", "n_critic"),
        ("--model.init_args.generator.init_args.widht=4", "width"),
        ("--data.init_args.sise=8", "size"),
        ("--data.init_args.batchsize=8", "batch_size"),
    ],
)
def test_a_wrong_flag_is_answered_with_the_nearest(complaint, flag, named):
    assert f"The nearest valid name is {named}." in complaint("fit", f"--config={DIGITS}", flag)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data.init_args.size=20"], "sizes 8, 16, 32; got 20. Set data.init_args.size"),
        (["--data.init_args.size=8"], "has 8. Set data.init_args.size, or other networks"),
        (["--data.init_args.batch_size=0"], "got 0. Set data.init_args.batch_size"),
        (["--data.init_args.predict_classes=[3,10]"], "got [10]. Set data.init_args.predict_classes"),
        (["--trainer.max_steps=abc"], "trainer.max_steps"),
        (["--trainer.precision=foo"], "trainer.precision: foo is not a valid value"),
        (["--seed_everything=abc"], "seed_everything: abc is not a valid value"),
        (["--trainer.accelerator=cpu", "--trainer.devices=2"], "Add --config experiments/cluster/ddp.yaml"),
        (["--trainer.val_check_interval=0.5"], "val_check_interval"),
        (["--model.init_args.n_critic=0"], "got 0. Set model.init_args.n_critic"),
        (["--trainer.max_steps=-1"], "Set trainer.max_steps"),
        (["--config=experiments/projection/digit.yaml"], "existing file is experiments/projection/digits.yaml"),
        (["--ckpt_path=missing.ckpt"], "there is no missing.ckpt"),
        (["--ckpt_path=README.md"], "README.md is broken or from elsewhere"),
        (["--data=datamodules.CIFAR10", "--data.init_args.root=nowhere"], "download=True)"),
        (["--trainer.callbacks+=lightning_cgan.callbacks.Scores",
          "--trainer.callbacks.extractor=lightning_cgan.extractors.InceptionV3",
          "--trainer.callbacks.extractor.weights=none.pth"], "lightning-cgan features fetch inception --to ."),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_before_the_first_step(complaint, tmp_path, flags, said):
    folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
    assert said in complaint("fit", f"--config={DIGITS}", folder, *flags)


@pytest.mark.parametrize(
    ("file", "flags", "said"),
    [
        ("cgan/digits", ["--data=datamodules.UnlabelledFolder", "--data.init_args.root=docs"],
         "A conditional GAN needs labelled images"),
        ("dcgan/celeba64", ["--data=datamodules.MNIST"], "has 28. Set data.init_args.size"),
        ("dcgan/celeba64", ["--data.init_args.attributes=[Smilin]"], "Smiling"),
        ("dcgan/celeba64", ["--data.init_args.root=nowhere", "--trainer.callbacks=null"], "CelebA is read from disk"),
        ("cgan/ring", ["--data.init_args.size=8"], "at least 16 pixels; got 8"),
        ("cgan/ring", ["--model.init_args.objective=hindge"],
         "model.init_args.objective is one of minimax, non_saturating, hinge, least_squares; got hindge."),
        ("acgan/digits", ["--model.init_args.class_loss_on=reel"], "The nearest valid name is real."),
        ("dcgan/digits", ["--data=datamodules.SemiLabelled", "--data.init_args.labels_per_class=1",
                          "--data.init_args.data=datamodules.Digits"], "gives PartlyLabelled ones. Set data"),
        ("gan/ring", ["--data=datamodules.GaussianPairs"], "GAN learns from data of one domain; got data of two"),
        ("gan/ring", ["--model=lightning_cgan.papers.Pix2Pix"], "Pix2Pix learns from data of two domains; got"),
        ("pix2pix/facades_l1", ["--data=datamodules.GaussianPairs"], "at least 2 levels; got 0, for images of 1"),
        ("pix2pix/facades", ["--model=lightning_cgan.papers.CycleGAN"], "gives Paired ones. Set data"),
        ("sgan/digits", ["--data.init_args.labels_per_class=500"], "Set data.init_args.labels_per_class"),
        ("progan/digits", ["--data=datamodules.MNIST"], "28"),
        ("progan/digits", ["--model.init_args.discriminator.init_args.group_size=3"], "groups of 3"),
        ("wgan_gp/digits", ["--model.init_args.critic.init_args.batch_norm=true"], "no batch norm"),
        ("wgan/digits", ["--model.init_args.clip_value=0"], "Set model.init_args.clip_value"),
    ],
)  # fmt: skip
def test_what_a_paper_cannot_do_is_refused_before_the_first_step(complaint, tmp_path, file, flags, said):
    folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
    assert said in complaint("fit", f"--config=experiments/{file}.yaml", folder, *flags)


def test_labels_that_a_paper_ignores_are_said_to_be_ignored(run, capsys):
    quick = ["--model.init_args.discriminator.init_args.width=4", "--trainer.callbacks=null"]
    assert run("fit", *quick, steps=1, config="experiments/dcgan/digits.yaml") == 0
    assert "GAN is unconditional: the labels of the data are ignored" in capsys.readouterr().out


def test_a_batch_size_that_a_paper_does_not_use_is_said_to_be_unused(capsys, tmp_path):
    quick = ["--trainer.max_steps=1", "--trainer.limit_val_batches=0", f"--trainer.default_root_dir={tmp_path}"]
    assert main(["fit", "--config=experiments/progan/digits.yaml", "--data.init_args.batch_size=7", *quick]) == 0
    assert "ProGAN sets the sizes of its batches: data.init_args.batch_size is not used" in capsys.readouterr().out


def test_evaluating_without_a_checkpoint_names_fit(complaint, tmp_path):
    assert "Run `fit`" in complaint("test", f"--config={DIGITS}", f"--trainer.default_root_dir={tmp_path / 'run'}")


def test_the_checkpoint_of_another_model_is_refused(run, capsys):
    assert run("fit", steps=1) == 0
    assert run("test", "--model.init_args.generator.init_args.width=16") == 2
    assert "weights of the model that is asked for" in capsys.readouterr().err


def test_overlays_merge_and_flags_win(capsys, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("trainer: {max_steps: 77}\nmodel: {init_args: {generator_optimizer: {init_args: {lr: 0.5}}}}\n")
    flags = [f"--config={DIGITS}", f"--config={overlay}", "--model.init_args.n_critic=9", "--print_config"]
    assert main(["fit", *flags]) == 0
    printed = capsys.readouterr().out
    for text in ("max_steps: 77", "lr: 0.5", "beta2: 0.9", "n_critic: 9", "precision: bf16-mixed"):
        assert text in printed


def test_fit_validate_test_and_predict_leave_what_they_promise(run, scores, tmp_path):
    assert run("fit", "--tensorboard") == 0
    folder = tmp_path / "run"
    for name in ("config.yaml", "metrics.csv", "curves.png", "last.ckpt", "best.ckpt", "samples/000003.png"):
        assert (folder / name).is_file(), name
    assert list((folder / "tensorboard").glob("events*"))
    log = (folder / "metrics.csv").read_text()
    assert run("validate") == 0
    assert run("test") == 0
    assert run("predict", "--data.init_args.predict_classes=[3,7]", "--data.init_args.predict_per_class=2") == 0
    assert scores().keys() == {"val", "test", "test_last"}
    assert scores()["test"]["card"]["checkpoint"]["name"] == "best.ckpt"
    assert scores()["test"]["card"]["fakes"] == 41
    assert scores()["test"]["card"]["reference"]["images"] == 500
    assert sorted(path.name[:3] for path in (folder / "predictions").glob("0*.png")) == ["003", "003", "007", "007"]
    assert (folder / "predictions" / "grid.png").is_file()
    assert (folder / "metrics.csv").read_text() == log


def test_evaluating_twice_agrees_to_the_last_digit(run, scores):
    assert run("fit") == 0
    assert run("test", "--ckpt_path=last") == 0
    first = scores()["test_last"]
    assert run("test", "--ckpt_path=last", "--again") == 0
    second = scores()["test_last"]
    for kind in ("scores", "standard_errors", "classes", "notes"):
        assert second[kind] == first[kind]
    assert first["card"]["update"] == 6
    assert (first["card"]["scored"], second["card"]["scored"]) == (1, 2)


def test_the_saved_configuration_repeats_the_run(run, state, tmp_path):
    assert run("fit") == 0
    assert run("test") == 0
    again = f"--trainer.default_root_dir={tmp_path / 'again'}"
    assert main(["fit", f"--config={tmp_path / 'run' / 'config.yaml'}", again]) == 0
    assert same(state("run")["state_dict"], state("again")["state_dict"])


def test_on_slurm_lightning_does_not_requeue_by_itself(monkeypatch):
    """It would save in the middle of an update, and go on from that file past every check."""
    ids = {"NTASKS": "1", "NTASKS_PER_NODE": "1", "JOB_ID": "1", "JOB_NAME": "train", "PROCID": "0", "LOCALID": "0"}
    for name, value in (ids | {"NODEID": "0", "NNODES": "1", "NODELIST": "localhost"}).items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    (environment,) = with_own_requeue(None)
    assert not environment.auto_requeue
    assert with_own_requeue([environment]) == [environment]
    monkeypatch.delenv("SLURM_NTASKS")
    assert with_own_requeue(None) is None
