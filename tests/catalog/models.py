#!/usr/bin/env python3
"""Counts parameters of transformers by their real classes, from published configurations.

For the maintainer of rules/catalog: prints the rows of published.yaml. No weights, no
network: every class of transformers is built on the meta device. Configurations come from
litgpt's table of published checkpoints (litgpt/config.py, which mirrors their config.json)
and from OTHERS below, whose size its authors print; a count that is over 2 % off it stops
the program. Versions are pinned in requirements.txt.

    python3 tests/catalog/models.py check                            rows of models.yaml against the classes
    python3 tests/catalog/models.py write > rules/catalog/published.yaml
"""
import importlib.util
import logging
import os
import sys
import warnings

import torch
import transformers as tf
import yaml

warnings.filterwarnings("ignore")
tf.logging.set_verbosity_error()
logging.disable(logging.WARNING)
KNOWN = "rules/catalog/models.yaml"


def litgpt_table():
    """litgpt/config.py alone: the package itself wants a trainer installed."""
    folder = os.path.dirname(importlib.util.find_spec("litgpt").origin)
    spec = importlib.util.spec_from_file_location("config", os.path.join(folder, "config.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Config, module.configs


Config, configs = litgpt_table()
VERSIONS = "transformers %s" % tf.__version__
# Embedding and head are one matrix: the model cards and READMEs of these say so.
TIED = ("gemma", "codegemma", "falcon-40b", "falcon-180b", "phi-4-mini", "qwen2.5-math-1.5b")
# The table gives it 64 heads of keys; the model it was tuned from has 8.
WRONG = ("garage-bAInd/Platypus2-70B",)


def counted(model):
    return sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())


def on_meta(cls, config):
    with torch.device("meta"):
        model = cls(config)
    model.tie_weights()
    head = config.vocab_size * config.d_model if getattr(config, "head_apart", False) else 0
    return counted(model) + head


def shared(c, tied):
    return dict(hidden_size=c.n_embd, num_hidden_layers=c.n_layer, num_attention_heads=c.n_head,
                vocab_size=c.padded_vocab_size, tie_word_embeddings=tied,
                max_position_embeddings=c.block_size)


def gated_of(c, tied):
    return dict(shared(c, tied), num_key_value_heads=c.n_query_groups,
                intermediate_size=c.intermediate_size, pad_token_id=0)


def of_litgpt(c, name):
    """The transformers class and configuration of a row of litgpt's; None when this program
    has no pair of them that is known to agree."""
    tied = name.lower().startswith(TIED)
    gated = c.mlp_class_name in ("LLaMAMLP", "GemmaMLP", "LLaMAMoE")
    if c.mlp_class_name == "LLaMAMoE" and c.norm_qk:
        return tf.Qwen3MoeForCausalLM, tf.Qwen3MoeConfig(
            num_experts=c.n_expert, num_experts_per_tok=c.n_expert_per_token, head_dim=c.head_size,
            moe_intermediate_size=c.moe_intermediate_size, **gated_of(c, tied))
    if c.mlp_class_name == "LLaMAMoE":
        return tf.MixtralForCausalLM, tf.MixtralConfig(
            num_local_experts=c.n_expert, num_experts_per_tok=c.n_expert_per_token,
            **gated_of(c, tied))
    if name.startswith("gemma-2-"):
        return tf.Gemma2ForCausalLM, tf.Gemma2Config(head_dim=c.head_size, **gated_of(c, tied))
    if name.startswith(("gemma-3-1b", "gemma-3-270m")):
        return tf.Gemma3ForCausalLM, tf.Gemma3TextConfig(head_dim=c.head_size, **gated_of(c, tied))
    if name.startswith("gemma-3"):
        c.padded_vocab_size = 262208  # 64 words of images more than the text models
        text = tf.Gemma3TextConfig(head_dim=c.head_size, **gated_of(c, tied))
        tower = tf.SiglipVisionConfig(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27,
                                      num_attention_heads=16, image_size=896, patch_size=14,
                                      vision_use_head=False)
        return tf.Gemma3ForConditionalGeneration, tf.Gemma3Config(text_config=text, vision_config=tower)
    if name.startswith(("codegemma", "gemma-2b", "gemma-7b")):
        return tf.GemmaForCausalLM, tf.GemmaConfig(head_dim=c.head_size, **gated_of(c, tied))
    if name.startswith("OLMo-2"):
        return tf.Olmo2ForCausalLM, tf.Olmo2Config(**gated_of(c, tied))
    if name.startswith("OLMo"):
        return tf.OlmoForCausalLM, tf.OlmoConfig(**gated_of(c, tied))
    if name == "falcon-7b":
        return tf.FalconForCausalLM, tf.FalconConfig(
            multi_query=True, parallel_attn=True, bias=False, **shared(c, tied))
    if name.startswith("falcon-"):
        return tf.FalconForCausalLM, tf.FalconConfig(
            num_kv_heads=c.n_query_groups, new_decoder_architecture=True, bias=False,
            alibi=False, **shared(c, tied))
    if name.startswith(("stablelm-3b", "stablelm-zephyr", "stable-code-3b")):
        return tf.StableLmForCausalLM, tf.StableLmConfig(**gated_of(c, tied))
    if name.startswith(("pythia", "stablecode")):
        return tf.GPTNeoXForCausalLM, tf.GPTNeoXConfig(
            intermediate_size=c.intermediate_size, **shared(c, tied))
    if name.startswith("Phi-4-mini"):
        return tf.Phi3ForCausalLM, tf.Phi3Config(**gated_of(c, tied))
    if gated and c.attn_bias:
        return tf.Qwen2ForCausalLM, tf.Qwen2Config(**gated_of(c, tied))
    if gated and c.norm_class_name == "RMSNorm" and not c.norm_qk and not c.bias:
        return tf.LlamaForCausalLM, tf.LlamaConfig(head_dim=c.head_size, **gated_of(c, tied))
    return None


def row_of_litgpt(c, name, parameters):
    row = dict(family="decoder", parameters=parameters, hidden=c.n_embd, layers=c.n_layer,
               heads=c.n_head, kv_heads=c.n_query_groups, head_dim=c.head_size,
               ffn=getattr(c, "moe_intermediate_size", None) or c.intermediate_size,
               vocab=c.padded_vocab_size, context=c.block_size,
               tied_embeddings=name.lower().startswith(TIED),
               gated_mlp=c.mlp_class_name in ("LLaMAMLP", "GemmaMLP", "LLaMAMoE"))
    if c.n_expert:
        row.update(experts=c.n_expert, active_experts=c.n_expert_per_token)
    if c.norm_qk:
        row["habits"] = ["normed-heads"]
    return row


def t5(d, f, kv, heads, layers, vocab):
    config = tf.MT5Config(d_model=d, d_ff=f, d_kv=kv, num_heads=heads, num_layers=layers,
                          vocab_size=vocab)
    config.head_apart = True  # as published; this version of the class ties it anyway
    return tf.MT5ForConditionalGeneration, config


def deberta(h, f, heads, layers, vocab):
    return tf.DebertaV2Model, tf.DebertaV2Config(
        hidden_size=h, intermediate_size=f, num_attention_heads=heads, num_hidden_layers=layers,
        vocab_size=vocab, type_vocab_size=0, relative_attention=True, position_buckets=256,
        max_position_embeddings=512, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False)


def m2m(h, f, heads, layers, vocab):
    return tf.M2M100ForConditionalGeneration, tf.M2M100Config(
        d_model=h, encoder_ffn_dim=f, decoder_ffn_dim=f, encoder_attention_heads=heads,
        decoder_attention_heads=heads, encoder_layers=layers, decoder_layers=layers,
        vocab_size=vocab)


def gpt_oss(layers, experts):
    return tf.GptOssForCausalLM, tf.GptOssConfig(num_hidden_layers=layers, num_local_experts=experts)


MT5 = "mT5 (Xue et al. 2021) and google-research/multilingual-t5 README"
DEBERTA = "microsoft/DeBERTa README (DeBERTa-v3)"
NLLB = "fairseq nllb branch: 600M, 1.3B and 3.3B dense models"
# Names, class and configuration, millions its authors print, source.
OTHERS = [
    (["google/mt5-small"], t5(512, 1024, 64, 6, 8, 250112), 300, MT5),
    (["google/mt5-base"], t5(768, 2048, 64, 12, 12, 250112), 580, MT5),
    (["google/mt5-large"], t5(1024, 2816, 64, 16, 24, 250112), 1230, MT5),
    (["google/mt5-xl"], t5(2048, 5120, 64, 32, 24, 250112), 3740, MT5),
    (["google/mt5-xxl"], t5(4096, 10240, 64, 64, 24, 250112), 12900, MT5),
    (["microsoft/deberta-v3-small"], deberta(768, 3072, 12, 6, 128100), 142, DEBERTA),
    (["microsoft/deberta-v3-base"], deberta(768, 3072, 12, 12, 128100), 184, DEBERTA),
    (["microsoft/deberta-v3-large"], deberta(1024, 4096, 16, 24, 128100), 435, DEBERTA),
    (["microsoft/mdeberta-v3-base"], deberta(768, 3072, 12, 12, 251000), 278, DEBERTA),
    (["answerdotai/ModernBERT-base"], (tf.ModernBertForMaskedLM, tf.ModernBertConfig()), 149,
     "ModernBERT (Warner et al. 2024); transformers' default"),
    (["answerdotai/ModernBERT-large"], (tf.ModernBertForMaskedLM, tf.ModernBertConfig(
        hidden_size=1024, intermediate_size=2624, num_hidden_layers=28,
        num_attention_heads=16)), 395, "ModernBERT (Warner et al. 2024)"),
    (["facebook/nllb-200-distilled-600M"], m2m(1024, 4096, 16, 12, 256206), 615, NLLB),
    (["facebook/nllb-200-1.3B", "facebook/nllb-200-distilled-1.3B"],
     m2m(1024, 8192, 16, 24, 256206), 1370, NLLB),
    (["facebook/nllb-200-3.3B"], m2m(2048, 8192, 16, 24, 256206), 3340, NLLB),
    (["facebook/m2m100_418M"], m2m(1024, 4096, 16, 12, 128112), 484,
     "fairseq m2m_100 README: 418M without positions and shared tables"),
    (["openai/gpt-oss-20b", "unsloth/gpt-oss-20b"], gpt_oss(24, 32), 20900,
     "gpt-oss model card (OpenAI 2025)"),
    (["openai/gpt-oss-120b", "unsloth/gpt-oss-120b"], gpt_oss(36, 128), 116800,
     "gpt-oss model card (OpenAI 2025)"),
]


def first(config, *names):
    for name in names:
        value = getattr(config, name, None)
        if value is not None:
            return value
    return 0


def row_of_other(cls, config, parameters):
    pair = bool(getattr(config, "is_encoder_decoder", False))
    heads = first(config, "num_attention_heads", "num_heads", "encoder_attention_heads")
    hidden = first(config, "hidden_size", "d_model")
    gated = "gated" in str(getattr(config, "feed_forward_proj", "")) or config.model_type in (
        "modernbert", "gpt_oss")
    causal = cls.__name__.endswith("ForCausalLM")
    row = dict(family="encoder-decoder" if pair else "decoder" if causal else "encoder",
               parameters=parameters, hidden=hidden,
               layers=first(config, "num_hidden_layers", "num_layers", "encoder_layers"),
               heads=heads, kv_heads=first(config, "num_key_value_heads") or heads,
               head_dim=first(config, "head_dim", "d_kv") or hidden // heads,
               ffn=first(config, "intermediate_size", "d_ff", "encoder_ffn_dim"),
               vocab=config.vocab_size,
               context=first(config, "max_position_embeddings") or 512,
               tied_embeddings=not getattr(config, "head_apart", not config.tie_word_embeddings), gated_mlp=gated)
    if pair:
        row["decoder_layers"] = first(config, "num_decoder_layers", "decoder_layers")
        row["habits"] = ["dropout"]
    if config.model_type == "mt5":
        row["habits"] = ["dropout", "t5-layers", "python-gelu"]
    if config.model_type == "deberta-v2":
        row["habits"] = ["unfused-attention"]
    if first(config, "num_local_experts"):
        row.update(experts=config.num_local_experts, active_experts=config.num_experts_per_tok)
    return row


def known_names():
    names = set()
    for row in yaml.safe_load(open(KNOWN))["models"]:
        names |= {n.lower() for n in [row["name"]] + (row.get("aliases") or [])}
    return names


def rows():
    known, out = known_names(), []
    for given in configs:
        hub = given["hf_config"]["org"] + "/" + given["hf_config"]["name"]
        if hub.lower() in known or hub in WRONG:
            continue
        c = Config(**given)
        found = of_litgpt(c, given["hf_config"]["name"])
        if not found:
            print("no class for " + hub, file=sys.stderr)
            continue
        row = row_of_litgpt(c, given["hf_config"]["name"], on_meta(*found))
        source = "litgpt 0.5.13 config.py; counted on %s %s" % (VERSIONS, found[0].__name__)
        same = [r for r in out if r[1] == row and r[2] == source]
        if same:
            same[0][0].append(hub)
        else:
            out.append(([hub], row, source))
    for names, (cls, config), millions, source in OTHERS:
        parameters = on_meta(cls, config)
        off = parameters / millions / 1e6 - 1
        if abs(off) > 0.02:
            raise SystemExit("%s: %d counted, %d million printed" % (names[0], parameters, millions))
        if names[0].lower() not in known:
            out.append((names, row_of_other(cls, config, parameters),
                        "%s; counted on %s %s" % (source, VERSIONS, cls.__name__)))
    return out


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "[%s]" % ", ".join(value) if isinstance(value, list) else str(value)


def write():
    print("# Made by tests/catalog/models.py: published configurations, counted by their classes.")
    print("models:")
    for names, row, source in rows():
        items = ["name: " + names[0], "aliases: " + text_of(names[1:])]
        items += ["%s: %s" % (k, text_of(v)) for k, v in row.items()] + ['source: "%s"' % source]
        line = "  - {"
        for i, item in enumerate(items):
            piece = item + ("}" if i + 1 == len(items) else ", ")
            if len(line) + len(piece) > 110 and line.strip() != "- {":
                print(line.rstrip())
                line = "     "
            line += piece
        print(line)


def check():
    """Rows of the hand-made catalogue whose checkpoint litgpt lists too."""
    by_name = {g["hf_config"]["org"] + "/" + g["hf_config"]["name"]: g for g in configs}
    for row in yaml.safe_load(open(KNOWN))["models"]:
        given = by_name.get(row["name"])
        if not given:
            continue
        c = Config(**given)
        tied = row.get("tied_embeddings", False)
        found = of_litgpt(c, given["hf_config"]["name"])
        if found:
            found[1].tie_word_embeddings = tied
            n = on_meta(*found)
            print("%-40s %s" % (row["name"], "same" if n == row["parameters"] else
                                "%d in the row, %d counted" % (row["parameters"], n)))


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]]()
