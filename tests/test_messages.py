from lightning_cgan.messages import plain

NESTED = """Parser key "model":
  Does not validate against any of the Union subtypes
  Subtypes: [<class 'lightning.pytorch.core.module.LightningModule'>, <class 'NoneType'>]
  Errors:
    - Problem with given class_path 'lightning_cgan.networks.sngan.Generator':
        Option 'latent_dimension' is not accepted
    - Expected a <class 'NoneType'>
  Given value type: <class 'str'>"""


def test_the_parsers_own_words_are_left_out_and_the_nearest_name_is_added():
    assert plain(NESTED) == "model: Option 'latent_dimension' is not accepted\nThe nearest valid name is latent_dim."


def test_a_message_of_ours_inside_the_parsers_stands_alone():
    wrapped = (
        "Does not validate\nErrors:\n  - The rule; met 3. Set data.init_args.size.\n  - Expected a <class 'NoneType'>"
    )
    assert plain(wrapped) == "The rule; met 3. Set data.init_args.size."


def test_a_name_near_to_nothing_gets_no_suggestion():
    assert "nearest" not in plain("unrecognized arguments: --zzz 3", ["trainer.max_steps"])
