"""The presets and the switches behind them, each against numbers or torch's own layers."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import leaky_relu, one_hot

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.presets import PRESETS
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.errors import ConfigError
from pmarl_trainer.learners import losses
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.graph import neighbour_mask
from pmarl_trainer.networks.attention import NeighbourAttention
from pmarl_trainer.networks.batch_norm import StackedBatchNorm, normalised_rows
from pmarl_trainer.networks.critic import AttentionCritic
from pmarl_trainer.networks.literal_critic import LiteralCritic
from pmarl_trainer.networks.stacked_critic import CriticShape
from tests.pmarl_trainer.networks.small_inputs import SERIAL, A, B, H, K, N, inputs
from tests.pmarl_trainer.networks.small_inputs import SIZE as O
from tests.pmarl_trainer.toy_envs import CoordinationGame, IdentityGame
from tests.pmarl_trainer.toy_learning import greedy, learn

CPU = torch.device("cpu")
MASK = torch.as_tensor(neighbour_mask(SERIAL, "neighbours"))
NEIGHBOURS = [np.flatnonzero(row).tolist() for row in MASK.numpy()]


def configure(**train):
    return build_config({"env": {"entry": "a:b"}, "train": train}, "test").train


def test_every_preset_is_a_name_and_only_changes_what_it_says():
    assert PRESETS.keys() == {"default", "maac-reference", "paper"}
    default = TrainConfig()
    for name, changes in PRESETS.items():
        config = configure(preset=name)
        for field in TrainConfig.model_fields:
            expected = name if field == "preset" else changes.get(field, getattr(default, field))
            assert getattr(config, field) == expected, field


def test_maac_reference_is_what_was_published():
    config = configure(preset="maac-reference", method="maac")
    published = {
        "hidden_size": 128, "attention_heads": 4, "input_normalisation": "batch", "lr": 1e-3, "policy_lr": 1e-3,
        "critic_weight_decay": 1e-3, "polyak_tau": 1e-3, "gamma": 0.99, "alpha": 0.01, "alpha_final": 0.01,
        "temperature": "fixed", "batch_size": 1024, "memory_size": 1_000_000, "critic_clip": 10, "policy_clip": 0.5,
        "critic_clip_scope": "all", "attention_regularisation": 1e-3, "logit_regularisation": 1e-3,
        "reward_normalisation": "standardise", "lr_final": 1, "initialisation": "torch",
        "target_entropy_term": "undiscounted", "shared_gradient": "mean_with_encoders",
    }  # fmt: skip
    assert {name: getattr(config, name) for name in published} == published
    assert config.updates_for(100) == 4


def test_given_settings_win_over_the_presets_and_are_kept_when_written_down():
    config = build_config(
        {"env": {"entry": "a:b"}, "train": {"preset": "maac-reference", "batch_size": 7}}, "test", ["gamma=0.5"]
    )
    assert (config.train.batch_size, config.train.gamma, config.train.lr) == (7, 0.5, 1e-3)
    assert build_config(config.model_dump(mode="json"), "again") == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"preset": "papre"}, "train.preset"), ({"preset": "paper", "method": "hdpo"}, "methods with a critic")],
)
def test_presets_that_do_not_exist_or_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        configure(**settings)


def test_updates_per_transition():
    config = configure(updates_per_transition=0.04)
    assert [config.updates_for(n) for n in (1, 100, 468)] == [1, 4, 19]
    assert configure(updates_per_rollout=9).updates_for(100) == 9


# --- batch normalisation


def test_stacked_batch_norm_is_torchs_own_agent_by_agent():
    stacked, single = StackedBatchNorm(2, 3), [torch.nn.BatchNorm1d(3, affine=False) for _ in range(2)]
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        x = 5 + 3 * torch.randn(2, 20, 3, generator=generator)
        if step == 3:
            stacked.eval()
        expected = torch.stack([(bn.eval() if step == 3 else bn)(x[i]) for i, bn in enumerate(single)])
        torch.testing.assert_close(stacked(x), expected)


def test_normalised_rows_are_a_linear_layer_after_batch_normalised_one_hots():
    generator = torch.Generator().manual_seed(1)
    table, actions = torch.randn(2, 4, 5, generator=generator), torch.randint(3, (2, 30), generator=generator)
    rows, shift = normalised_rows(table, actions)
    for i in range(2):
        hot = one_hot(actions[i], 4).float()
        expected = torch.nn.BatchNorm1d(4, affine=False)(hot) @ table[i]
        torch.testing.assert_close(rows[i][actions[i]] - shift[i], expected, rtol=1e-4, atol=1e-4)


def test_policies_act_on_running_moments_one_sample_at_a_time():
    """While acting, a row's action must not depend on the other rows that happen to be asked with it."""
    env = IdentityGame(8)
    learner = learn(env, preset="maac-reference", rollouts=4, hidden_size=16, batch_size=32, learning_starts=0)
    observations = torch.as_tensor(env.reset(seed=1)).transpose(0, 1)
    together = learner.act(observations)
    alone = torch.cat([learner.act(observations[:, row : row + 1]) for row in range(8)], dim=1)
    assert torch.equal(together, alone)


# --- the paper's literal critic


def literal(critic, observations, actions, i, own):
    """Q_i of eqs. 12-15 for one sample: e_i = f_i(o_i, own) feeds the query and the decoder."""

    def encode(j, action):
        both = torch.cat((critic.encoder.observation.weight[j], critic.encoder.action[j]))
        x = torch.cat((observations[j], one_hot(torch.tensor(action), A).double()))
        return leaky_relu(x @ both + critic.encoder.observation.bias[j, 0])

    attention, depth = critic.attention, H // K
    e, heard = encode(i, own), torch.zeros(H, dtype=torch.float64)
    others = [encode(j, int(actions[j])) for j in NEIGHBOURS[i]]
    for head in range(K if others else 0):
        part = slice(head * depth, (head + 1) * depth)
        scores = [e @ attention.query[0, :, part] @ (x @ attention.key[0, :, part]) / math.sqrt(depth) for x in others]
        values = [leaky_relu(x @ attention.value[0, :, part] + attention.value_bias[0, 0, part]) for x in others]
        heard[part] = torch.stack(scores).softmax(0) @ torch.stack(values)
    inner = leaky_relu(torch.cat((e, heard)) @ critic.decoder.weight[i] + critic.decoder.bias[i, 0])
    return inner @ critic.values.weight[i, :, 0] + critic.values.bias[i, 0, 0]


def make(critic_class, **kwargs):
    return critic_class(CriticShape(O, A, H, K, MASK, **kwargs), torch.Generator().manual_seed(3)).double()


def test_the_papers_critic_equals_a_plain_loop():
    critic, (observations, actions) = make(LiteralCritic), inputs()
    q = critic(observations, actions)
    for i in range(N):
        for sample in range(B):
            for own in range(A):
                expected = literal(critic, observations[:, sample], actions[:, sample], i, own)
                torch.testing.assert_close(q[i, sample, own], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("critic_class", [AttentionCritic, LiteralCritic])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_value_taken_is_that_action_of_all_values(critic_class, batch_norm):
    critic, (observations, actions) = make(critic_class, batch_norm=batch_norm), inputs()
    taken, _ = critic.taken(observations, actions)
    torch.testing.assert_close(taken, losses.of_action(critic(observations, actions), actions))


def test_the_papers_critic_ignores_non_neighbours():
    critic, (observations, actions) = make(LiteralCritic), inputs()
    observations.requires_grad_()
    critic(observations, actions)[0].sum().backward()
    assert observations.grad[2:].abs().max() == 0
    assert observations.grad[1].abs().max() > 0


# --- regularisation, samples, clipping


def test_attention_magnitude_by_hand():
    """Identity weights, one head of 2: scores are dot products; agent 1 hears 0 and 2, agent 3 nobody."""
    attention = NeighbourAttention(MASK, 2, 1, torch.Generator())
    with torch.no_grad():
        attention.query.copy_(torch.eye(2))
        attention.key.copy_(torch.eye(2))
    states = torch.tensor([[[1.0, 0]], [[2.0, 1]], [[0, 3.0]], [[9.0, 9]]])
    _, logits = attention(states, states)
    # <0,1> = 2, <1,0> = 2, <1,2> = 3, <2,1> = 3
    assert attention.magnitude(logits).tolist() == pytest.approx([4, (4 + 9) / 2, 9, 0])


def test_logit_regularisation_counts_possible_actions_only():
    env = IdentityGame(2, agents=2, actions=3)
    env.num_actions = np.array([3, 2])
    learner = Learner(describe(env), configure(logit_regularisation=1.0), CPU)
    logits = torch.tensor([[[1.0, 2, 3]], [[1.0, 3, 99]]])
    assert float(learner._logit_magnitude(logits)) == pytest.approx(14 / 3 + 10 / 2)


def test_one_norm_for_all_critics_and_shared_gradients_as_means():
    learner = Learner(describe(IdentityGame(2)), configure(preset="maac-reference", hidden_size=8), CPU)
    for parameter in learner.critic.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    learner._clip_critics()
    gradients = {name: p.grad for name, p in learner.critic.named_parameters()}
    norm = torch.stack([g.square().sum() for g in gradients.values()]).sum().sqrt()
    assert float(norm) == pytest.approx(10 * 2, rel=1e-4)
    ratio = gradients["attention.query"].mean() / gradients["decoder.weight"].mean()
    assert float(ratio) == pytest.approx(1 / 2)


@pytest.mark.parametrize("normalisation", ["none", "scale", "standardise"])
def test_rewards_as_the_critics_learn_them(normalisation):
    learner = Learner(describe(IdentityGame(2)), configure(reward_normalisation=normalisation), CPU)
    learner.reward_moments.update(torch.tensor([[1.0, 10], [3.0, 10]]))
    expected = {"none": [[5, 10]], "scale": [[5, 10]], "standardise": [[3, 0]]}[normalisation]
    assert learner._rewards(torch.tensor([[5.0], [10.0]])).T.tolist() == expected  # std 1; what never varies keeps 1


@pytest.mark.parametrize("preset", ["maac-reference", "paper"])
def test_known_optima_are_learned_with_every_preset(preset):
    small = {"preset": preset, "hidden_size": 16, "attention_heads": 2, "batch_size": 64, "polyak_tau": 0.01}
    env = IdentityGame(8, agents=3)
    assert (greedy(learn(env, **small, lr=3e-3, policy_lr=3e-3, rollouts=40), env) == env.signal).mean() == 1
    both = CoordinationGame(8)
    assert (greedy(learn(both, **small, lr=3e-3, policy_lr=3e-3, rollouts=20), both) == 0).all()


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("agents", [1, 2])
def test_no_neighbour_one_neighbour_and_two_agents_work(preset, agents):
    """Where the published code fails."""
    learner = learn(IdentityGame(4, agents=agents), preset=preset, rollouts=2, hidden_size=8, batch_size=16)
    state = [t for module in learner.modules().values() for t in module.state_dict().values()]
    assert all(torch.isfinite(t).all() for t in state)
