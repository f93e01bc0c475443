from lightning_cgan.api import build

RING = "experiments/cgan/ring.yaml"


def test_a_network_in_the_place_of_a_default_one_has_its_own_defaults():
    model, _ = build(RING)  # the default networks have hidden layers of 1,200 and noise of length 100
    assert model.generator.latent_dim == 8
    assert model.generator.layers[2].weight.shape == (64, 64)


def test_so_has_an_optimizer_that_replaces_a_files(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("model: {init_args: {generator_optimizer: {class_path: torch.optim.Adam}}}")
    model, _ = build(RING, f"--config={overlay}")
    assert model.optimizer_factories["generator"](model.generator.parameters()).defaults["betas"] == (0.9, 0.999)
    assert model.optimizer_factories["discriminator"](model.discriminator.parameters()).defaults["betas"] == (0.5, 0.9)


def test_arguments_of_the_same_class_are_merged(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("model: {init_args: {discriminator_optimizer: {init_args: {lr: 0.5}}}}")
    model, _ = build(RING, f"--config={overlay}")
    settings = model.optimizer_factories["discriminator"](model.discriminator.parameters()).defaults
    assert (settings["lr"], settings["betas"]) == (0.5, (0.5, 0.9))
