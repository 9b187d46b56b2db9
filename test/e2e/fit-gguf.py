#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a GGUF file of any of several architectures whose weights are a hole: all of its metadata
and tensor shapes are real, so a server allocates what it would for a model of that shape.

usage: fit-gguf.py ARCH FILE KEY=NUMBER...    e.g. llama x.gguf layers=4 embd=512 heads=8 kv=2 hd=64
Shapes are those the GGUF specification and llama.cpp's loaders name.
"""
import struct
import sys

TYPES = {
    'f32': (0, 1, 4),
    'f16': (1, 1, 2),
    'q4_0': (2, 32, 18),
    'q8_0': (8, 32, 34),
    'q4_K': (12, 256, 144),
    'q5_K': (13, 256, 176),
    'q6_K': (14, 256, 210),
    'bf16': (30, 1, 2),
    'iq4_nl': (20, 32, 18),
}


class Model:
    def __init__(self, arch, vocab, wtype='f16'):
        self.arch, self.vocab, self.wtype = (arch, vocab, wtype)
        self.kv, self.tensors = ([], [])
        self.s('general.architecture', arch)
        self.s('general.name', 'fit')

    def raw(self, key, t, data):
        k = key.replace('@', self.arch + '.')
        self.kv.append(struct.pack('<Q', len(k)) + k.encode() + struct.pack('<I', t) + data)

    def u(self, key, v):
        self.raw(key, 4, struct.pack('<I', v))

    def f(self, key, v):
        self.raw(key, 6, struct.pack('<f', v))

    def b(self, key, v):
        self.raw(key, 7, struct.pack('<B', v))

    def s(self, key, v):
        self.raw(key, 8, struct.pack('<Q', len(v)) + v.encode())

    def ua(self, key, v):
        self.raw(key, 9, struct.pack('<IQ', 4, len(v)) + struct.pack('<%dI' % len(v), *v))

    def ia(self, key, v):
        self.raw(key, 9, struct.pack('<IQ', 5, len(v)) + struct.pack('<%di' % len(v), *v))

    def ba(self, key, v):
        self.raw(key, 9, struct.pack('<IQ', 7, len(v)) + bytes(v))

    def fa(self, key, v):
        self.raw(key, 9, struct.pack('<IQ', 6, len(v)) + struct.pack('<%df' % len(v), *v))

    def sa(self, key, v):
        self.raw(
            key,
            9,
            struct.pack('<IQ', 8, len(v)) + b''.join((struct.pack('<Q', len(x)) + x for x in v)),
        )

    def t(self, name, *dims, type=None):
        ty = type or (
            self.wtype if len(dims) > 1 and dims[0] % TYPES[self.wtype][1] == 0 else 'f32'
        )
        self.tensors.append((name, dims, ty))

    def tokens(self, kind='llama'):
        n = self.vocab
        if kind == 'bert':
            toks = [b'[PAD]', b'[UNK]', b'[CLS]', b'[SEP]', b'[MASK]'] + [
                b'\xe2\x96\x81t%d' % i for i in range(n - 5)
            ]
            self.s('tokenizer.ggml.model', 'bert')
            self.sa('tokenizer.ggml.tokens', toks)
            self.ia('tokenizer.ggml.token_type', [3] * 5 + [1] * (n - 5))
            self.fa('tokenizer.ggml.scores', [0.0] * n)
            self.u('tokenizer.ggml.token_type_count', 2)
            for k, v in (
                ('bos', 2),
                ('eos', 3),
                ('unknown', 1),
                ('seperator', 3),
                ('padding', 0),
                ('cls', 2),
                ('mask', 4),
            ):
                self.u('tokenizer.ggml.%s_token_id' % k, v)
            return
        toks = [b'<unk>', b'<s>', b'</s>'] + [b'<0x%02X>' % i for i in range(256)]
        toks += [b't%d' % i for i in range(n - len(toks))]
        self.s('tokenizer.ggml.model', 'llama')
        self.sa('tokenizer.ggml.tokens', toks)
        self.fa('tokenizer.ggml.scores', [-float(i % 1000) for i in range(n)])
        self.ia('tokenizer.ggml.token_type', [2, 3, 3] + [6] * 256 + [1] * (n - 259))
        for k, v in (('bos', 1), ('eos', 2), ('unknown', 0)):
            self.u('tokenizer.ggml.%s_token_id' % k, v)

    def write(self, path):
        head = struct.pack('<IIQQ', 1179993927, 3, len(self.tensors), len(self.kv)) + b''.join(
            self.kv
        )
        off, info = (0, b'')
        for name, dims, ty in self.tensors:
            tid, blk, size = TYPES[ty]
            n = 1
            for d in dims:
                n *= d
            info += struct.pack('<Q', len(name)) + name.encode() + struct.pack('<I', len(dims))
            info += struct.pack('<%dQ' % len(dims), *dims) + struct.pack('<IQ', tid, off)
            off += (n // blk * size + 31) // 32 * 32
        head += info
        start = (len(head) + 31) // 32 * 32
        with open(path, 'wb') as fh:
            fh.write(head)
            fh.truncate(start + off)


def common(m, p):
    L, E = (p['layers'], p['embd'])
    m.u('@block_count', L)
    m.u('@context_length', p.get('ctx', 40960))
    m.u('@embedding_length', E)
    if p.get('ff'):
        m.u('@feed_forward_length', p['ff'])
    if p.get('heads'):
        m.u('@attention.head_count', p['heads'])
        m.u('@attention.head_count_kv', p['kv'])
    m.f('@attention.layer_norm_rms_epsilon', 1e-06)
    m.f('@attention.layer_norm_epsilon', 1e-06)
    m.f('@rope.freq_base', 10000.0)
    if p.get('hd'):
        m.u('@attention.key_length', p['hd'])
        m.u('@attention.value_length', p.get('vd', p['hd']))
        if p.get('rope', True):
            m.u('@rope.dimension_count', p['hd'])


def attn(m, i, p, qknorm=False, bias=False, sandwich=False):
    E, H, K, D = (p['embd'], p['heads'], p['kv'], p['hd'])
    b = 'blk.%d.' % i
    m.t(b + 'attn_norm.weight', E)
    m.t(b + 'attn_q.weight', E, H * D)
    m.t(b + 'attn_k.weight', E, K * D)
    m.t(b + 'attn_v.weight', E, K * p.get('vd', D))
    if bias:
        m.t(b + 'attn_q.bias', H * D)
        m.t(b + 'attn_k.bias', K * D)
        m.t(b + 'attn_v.bias', K * D)
    if qknorm:
        m.t(b + 'attn_q_norm.weight', D)
        m.t(b + 'attn_k_norm.weight', D)
    m.t(b + 'attn_output.weight', H * p.get('vd', D), E)
    if sandwich:
        m.t(b + 'post_attention_norm.weight', E)


def ffn(m, i, p, ff=None):
    E, F = (p['embd'], ff or p['ff'])
    b = 'blk.%d.' % i
    m.t(b + 'ffn_gate.weight', E, F)
    m.t(b + 'ffn_up.weight', E, F)
    m.t(b + 'ffn_down.weight', F, E)


def moe(m, i, p):
    E, X, F = (p['embd'], p['experts'], p['eff'])
    b = 'blk.%d.' % i
    m.t(b + 'ffn_gate_inp.weight', E, X, type='f32')
    m.t(b + 'ffn_gate_exps.weight', E, F, X)
    m.t(b + 'ffn_up_exps.weight', E, F, X)
    m.t(b + 'ffn_down_exps.weight', F, E, X)


def ends(m, p):
    m.t('token_embd.weight', p['embd'], m.vocab)
    m.t('output_norm.weight', p['embd'])
    if not p.get('tied'):
        m.t('output.weight', p['embd'], m.vocab)


def dense(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    common(m, p)
    g = arch.startswith('gemma')
    if p.get('swa'):
        m.u('@attention.sliding_window', p['swa'])
    if g:
        p = dict(p, tied=True)
    if arch == 'gemma2':
        m.f('@attn_logit_softcapping', 50.0)
        m.f('@final_logit_softcapping', 30.0)
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        attn(
            m,
            i,
            p,
            qknorm=arch in ('qwen3', 'gemma3', 'qwen3moe'),
            bias=arch == 'qwen2',
            sandwich=g,
        )
        m.t('blk.%d.ffn_norm.weight' % i, p['embd'])
        ffn(m, i, p)
        if g:
            m.t('blk.%d.post_ffw_norm.weight' % i, p['embd'])
    return m


def phi3(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    common(m, p)
    E, H, K, D, F = (p['embd'], p['heads'], p['kv'], p['hd'], p['ff'])
    m.u('@rope.scaling.original_context_length', p.get('ctx', 40960))
    if p.get('swa'):
        m.u('@attention.sliding_window', p['swa'])
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        b = 'blk.%d.' % i
        m.t(b + 'attn_norm.weight', E)
        m.t(b + 'attn_qkv.weight', E, (H + 2 * K) * D)
        m.t(b + 'attn_output.weight', H * D, E)
        m.t(b + 'ffn_norm.weight', E)
        m.t(b + 'ffn_up.weight', E, 2 * F)
        m.t(b + 'ffn_down.weight', F, E)
    return m


def mixtral(arch, p):
    m = Model('llama', p['vocab'], p.get('type', 'f16'))
    common(m, p)
    m.u('@expert_count', p['experts'])
    m.u('@expert_used_count', p['used'])
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        attn(m, i, p)
        m.t('blk.%d.ffn_norm.weight' % i, p['embd'])
        moe(m, i, dict(p, eff=p['ff']))
    return m


def qwen3moe(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    common(m, p)
    m.u('@expert_count', p['experts'])
    m.u('@expert_used_count', p['used'])
    m.u('@expert_feed_forward_length', p['eff'])
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        attn(m, i, p, qknorm=True)
        m.t('blk.%d.ffn_norm.weight' % i, p['embd'])
        moe(m, i, p)
    return m


def bert(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    E, F, L = (p['embd'], p['ff'], p['layers'])
    common(m, dict(p, hd=None))
    m.b('@attention.causal', 0)
    m.u('@pooling_type', 2 if not p.get('rank') else 4)
    m.tokens('bert')
    m.t('token_embd.weight', E, m.vocab)
    m.t('position_embd.weight', E, p.get('ctx', 512))
    m.t('token_types.weight', E, 2)
    m.t('token_embd_norm.weight', E)
    m.t('token_embd_norm.bias', E)
    for i in range(L):
        b = 'blk.%d.' % i
        for n in 'qkv':
            m.t(b + 'attn_%s.weight' % n, E, E)
            m.t(b + 'attn_%s.bias' % n, E)
        m.t(b + 'attn_output.weight', E, E)
        m.t(b + 'attn_output.bias', E)
        m.t(b + 'attn_output_norm.weight', E)
        m.t(b + 'attn_output_norm.bias', E)
        m.t(b + 'ffn_up.weight', E, F)
        m.t(b + 'ffn_up.bias', F)
        m.t(b + 'ffn_down.weight', F, E)
        m.t(b + 'ffn_down.bias', E)
        m.t(b + 'layer_output_norm.weight', E)
        m.t(b + 'layer_output_norm.bias', E)
    return m


def mla(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    E, H, R, N, V, Q, L = (
        p['embd'],
        p['heads'],
        p['rope'],
        p['nope'],
        p['vd'],
        p['qr'],
        p['layers'],
    )
    C = p['lora']
    common(m, dict(p, hd=None, kv=1))
    m.u('@attention.q_lora_rank', Q)
    m.u('@attention.kv_lora_rank', C)
    m.u('@attention.key_length', C + R)
    m.u('@attention.value_length', C)
    m.u('@attention.key_length_mla', N + R)
    m.u('@attention.value_length_mla', V)
    m.u('@rope.dimension_count', R)
    m.u('@leading_dense_block_count', 1)
    m.u('@expert_count', p['experts'])
    m.u('@expert_used_count', p['used'])
    m.u('@expert_feed_forward_length', p['eff'])
    m.u('@expert_shared_count', 1)
    m.f('@expert_weights_scale', 1.0)
    m.u('@expert_gating_func', 2)
    m.b('@expert_weights_norm', 1)
    m.u('@vocab_size', p['vocab'])
    m.tokens()
    ends(m, p)
    for i in range(L):
        b = 'blk.%d.' % i
        m.t(b + 'attn_norm.weight', E)
        m.t(b + 'attn_q_a.weight', E, Q)
        m.t(b + 'attn_q_a_norm.weight', Q)
        m.t(b + 'attn_q_b.weight', Q, H * (N + R))
        m.t(b + 'attn_kv_a_mqa.weight', E, C + R)
        m.t(b + 'attn_kv_a_norm.weight', C)
        m.t(b + 'attn_k_b.weight', N, C, H)
        m.t(b + 'attn_v_b.weight', C, V, H)
        m.t(b + 'attn_output.weight', H * V, E)
        m.t(b + 'ffn_norm.weight', E)
        if i < 1:
            ffn(m, i, p)
        else:
            moe(m, i, p)
            m.t(b + 'exp_probs_b.bias', p['experts'])
            F = p['eff']
            m.t(b + 'ffn_gate_shexp.weight', E, F)
            m.t(b + 'ffn_up_shexp.weight', E, F)
            m.t(b + 'ffn_down_shexp.weight', F, E)
    return m


def mamba_layer(m, i, p):
    E, I, S, R, K = (p['embd'], p['inner'], p['state'], p['dtr'], 4)
    b = 'blk.%d.' % i
    m.t(b + 'attn_norm.weight', E)
    m.t(b + 'ssm_in.weight', E, 2 * I)
    m.t(b + 'ssm_conv1d.weight', K, I, type='f32')
    m.t(b + 'ssm_conv1d.bias', I)
    m.t(b + 'ssm_x.weight', I, R + 2 * S)
    m.t(b + 'ssm_dt.weight', R, I)
    m.t(b + 'ssm_dt.bias', I)
    m.t(b + 'ssm_a', S, I, type='f32')
    m.t(b + 'ssm_d', I)
    m.t(b + 'ssm_out.weight', I, E)


def ssm_keys(m, p):
    m.u('@ssm.conv_kernel', 4)
    m.u('@ssm.inner_size', p['inner'])
    m.u('@ssm.state_size', p['state'])
    m.u('@ssm.time_step_rank', p['dtr'])
    if p.get('groups'):
        m.u('@ssm.group_count', p['groups'])


def mamba(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    common(m, dict(p, ff=0))
    m.u('@feed_forward_length', 0)
    m.u('@attention.head_count', 0)
    ssm_keys(m, p)
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        mamba_layer(m, i, p)
    return m


def mamba2_layer(m, i, p):
    E, I, S, G, H, K = (p['embd'], p['inner'], p['state'], p['groups'], p['dtr'], 4)
    b = 'blk.%d.' % i
    m.t(b + 'attn_norm.weight', E)
    m.t(b + 'ssm_in.weight', E, 2 * I + 2 * G * S + H)
    m.t(b + 'ssm_conv1d.weight', K, I + 2 * G * S, type='f32')
    m.t(b + 'ssm_conv1d.bias', I + 2 * G * S)
    m.t(b + 'ssm_dt.bias', H)
    m.t(b + 'ssm_a', 1, H, type='f32')
    m.t(b + 'ssm_d', 1, H, type='f32')
    m.t(b + 'ssm_norm.weight', I // G, G, type='f32')
    m.t(b + 'ssm_out.weight', I, E)


def granitehybrid(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    kvs = [p['kv'] if i % 4 == 3 else 0 for i in range(p['layers'])]
    q = dict(p)
    q['heads'] = 0
    common(m, dict(q, hd=None))
    m.u('@attention.head_count', p['heads'])
    m.ia('@attention.head_count_kv', kvs)
    m.f('@embedding_scale', 1.0)
    m.f('@residual_scale', 1.0)
    m.f('@logit_scale', 1.0)
    m.f('@attention.scale', 1.0)
    m.b('@rope.scaling.finetuned', 0)
    ssm_keys(m, p)
    m.tokens()
    ends(m, p)
    p = dict(p, hd=p['embd'] // p['heads'])
    for i in range(p['layers']):
        if kvs[i]:
            attn(m, i, p)
        else:
            mamba2_layer(m, i, p)
        m.t('blk.%d.ffn_norm.weight' % i, p['embd'])
        ffn(m, i, p)
    return m


def qwen3next(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    E, D, H, K = (p['embd'], p['hd'], p['heads'], p['kv'])
    common(m, p)
    m.u('@full_attention_interval', 4)
    ssm_keys(m, p)
    if arch in ('qwen3next', 'qwen35moe'):
        m.u('@expert_count', p['experts'])
        m.u('@expert_used_count', p['used'])
        m.u('@expert_feed_forward_length', p['eff'])
        m.u('@expert_shared_feed_forward_length', p['eff'])
    if arch.startswith('qwen35'):
        m.ia('@rope.dimension_sections', [11, 11, 10, 0])
    m.tokens()
    ends(m, p)
    S, G, V, I = (p['state'], p['groups'], p['dtr'], p['inner'])
    for i in range(p['layers']):
        b = 'blk.%d.' % i
        if i % 4 == 3:
            m.t(b + 'attn_norm.weight', E)
            m.t(b + 'attn_q.weight', E, 2 * H * D)
            m.t(b + 'attn_k.weight', E, K * D)
            m.t(b + 'attn_v.weight', E, K * D)
            m.t(b + 'attn_q_norm.weight', D)
            m.t(b + 'attn_k_norm.weight', D)
            m.t(b + 'attn_output.weight', H * D, E)
        else:
            m.t(b + 'attn_norm.weight', E)
            m.t(b + 'attn_qkv.weight', E, 2 * S * G + I)
            m.t(b + 'attn_gate.weight', E, I)
            m.t(b + 'ssm_conv1d.weight', 4, 2 * S * G + I, type='f32')
            m.t(b + 'ssm_dt.bias', V)
            m.t(b + 'ssm_a', V)
            if arch.startswith('qwen35'):
                m.t(b + 'ssm_beta.weight', E, V)
                m.t(b + 'ssm_alpha.weight', E, V)
            else:
                m.t(b + 'ssm_ba.weight', E, 2 * V)
            m.t(b + 'ssm_norm.weight', I // V)
            m.t(b + 'ssm_out.weight', I, E)
        m.t(b + 'post_attention_norm.weight', E)
        if arch == 'qwen35':
            ffn(m, i, p)
        else:
            moe(m, i, p)
            F = p['eff']
            m.t(b + 'ffn_gate_inp_shexp.weight', E, type='f32')
            m.t(b + 'ffn_gate_shexp.weight', E, F)
            m.t(b + 'ffn_up_shexp.weight', E, F)
            m.t(b + 'ffn_down_shexp.weight', F, E)
    return m


def gptoss(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    common(m, p)
    E, H, K, D, X, F = (p['embd'], p['heads'], p['kv'], p['hd'], p['experts'], p['eff'])
    m.u('@attention.sliding_window', 128)
    m.u('@expert_count', X)
    m.u('@expert_used_count', p['used'])
    m.u('@expert_feed_forward_length', F)
    m.tokens()
    ends(m, p)
    for i in range(p['layers']):
        b = 'blk.%d.' % i
        m.t(b + 'attn_norm.weight', E)
        m.t(b + 'post_attention_norm.weight', E)
        for n, w in (('q', H), ('k', K), ('v', K)):
            m.t(b + 'attn_%s.weight' % n, E, w * D)
            m.t(b + 'attn_%s.bias' % n, w * D)
        m.t(b + 'attn_output.weight', H * D, E)
        m.t(b + 'attn_output.bias', E)
        m.t(b + 'attn_sinks.weight', H)
        moe(m, i, p)
        m.t(b + 'ffn_gate_inp.bias', X)
        m.t(b + 'ffn_gate_exps.bias', F, X, type='f32')
        m.t(b + 'ffn_up_exps.bias', F, X, type='f32')
        m.t(b + 'ffn_down_exps.bias', E, X, type='f32')
    return m


def lfm2(arch, p):
    m = Model(arch, p['vocab'], p.get('type', 'f16'))
    kvs = [p['kv'] if i % 3 == 2 else 0 for i in range(p['layers'])]
    common(m, dict(p, heads=0, hd=None))
    E = p['embd']
    m.u('@attention.head_count', p['heads'])
    m.ia('@attention.head_count_kv', kvs)
    m.u('@shortconv.l_cache', 3)
    m.tokens()
    m.t('token_embd.weight', E, m.vocab)
    m.t('token_embd_norm.weight', E)
    p = dict(p, hd=E // p['heads'])
    for i in range(p['layers']):
        b = 'blk.%d.' % i
        if kvs[i]:
            attn(m, i, p, qknorm=True)
        else:
            m.t(b + 'attn_norm.weight', E)
            m.t(b + 'shortconv.conv.weight', 3, E, type='f32')
            m.t(b + 'shortconv.in_proj.weight', E, 3 * E)
            m.t(b + 'shortconv.out_proj.weight', E, E)
        m.t(b + 'ffn_norm.weight', E)
        ffn(m, i, p)
    return m


MAKERS = {
    'llama': dense,
    'qwen2': dense,
    'qwen3': dense,
    'gemma2': dense,
    'gemma3': dense,
    'qwen3moe': qwen3moe,
    'phi3': phi3,
    'mixtral': mixtral,
    'bert': bert,
    'deepseek2': mla,
    'mamba': mamba,
    'granitehybrid': granitehybrid,
    'qwen3next': qwen3next,
    'qwen35': qwen3next,
    'gpt-oss': gptoss,
    'lfm2': lfm2,
}


def main():
    arch, path, shape = sys.argv[1], sys.argv[2], {'vocab': 4096}
    for word in sys.argv[3:]:
        key, value = word.split('=')
        shape[key] = value if key == 'type' else int(value)
    MAKERS[arch](arch, shape).write(path)


main()
