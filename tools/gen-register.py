#!/usr/bin/env python3
"""gen-register.py OUT.c kinds.json

Make the constant tables of engine/register from the declared kinds. Refuses what does not fit
together, so that a mistake in the data is an error of the build.
"""
import json
import re
import sys

TYPES = {'text', 'long', 'kana', 'int', 'date', 'phone', 'email', 'mac', 'id', 'choice', 'choices', 'ref', 'refs'}
ENUM = {'id': 'NAME'}
FLAGS = {'required', 'wanted', 'list'}
KEY = re.compile(r'[a-z][a-z0-9_]{0,31}$')
CHOICE = re.compile(r'[a-z0-9][a-z0-9_]{0,31}$')


def die(why):
    sys.exit(f'gen-register: {why}')


def c(s):
    if s is None:
        return 'NULL'
    return '"' + ''.join(f'\\{o:03o}' if o > 126 or o < 32 or o in b'"\\?' else chr(o) for o in s.encode()) + '"'


def check(kinds, choices):
    keys = [k['key'] for k in kinds]
    if len(set(keys)) != len(keys) or len({k['prefix'] for k in kinds}) != len(keys):
        die('a kind or prefix twice')
    for name, rows in choices.items():
        if len({r[0] for r in rows}) != len(rows) or not all(CHOICE.match(r[0]) for r in rows):
            die(f'choices {name}')
        if len({r[1] for r in rows}) != len(rows) or len({r[2] for r in rows}) != len(rows):
            die(f'choices {name}: a label twice')
    for k in kinds:
        fields = {f[0]: f for f in k['fields']}
        if not KEY.match(k['key']) or len(fields) != len(k['fields']):
            die(f"kind {k['key']}: a field twice or a bad key")
        labels = [f[2] for f in k['fields']] + [f[3] for f in k['fields']]
        if len({f[2] for f in k['fields']}) != len(fields) or len({f[3] for f in k['fields']}) != len(fields):
            die(f"kind {k['key']}: a label twice")
        for f in k['fields']:
            t, _, arg = f[1].partition(':')
            if not KEY.match(f[0]) or t not in TYPES or set(f[4].split()) - FLAGS:
                die(f"{k['key']}.{f[0]}")
            if t in ('choice', 'choices') and arg not in choices:
                die(f"{k['key']}.{f[0]}: no choices {arg}")
            if t in ('ref', 'refs') and arg not in keys:
                die(f"{k['key']}.{f[0]}: no kind {arg}")
        for name in [k['title']] + k.get('same', []) + k.get('unique', []) + ([k['reading']] if 'reading' in k else []):
            if name not in fields:
                die(f"{k['key']}: no field {name}")
        if 'required' not in fields[k['title']][4].split():
            die(f"{k['key']}: the title must be required")
        for r in k['next']:
            field, eq, value = r.get('when', '').partition('=')
            if field and field not in fields:
                die(f"{k['key']}: rule on {field}")
            if eq and value not in [x[0] for x in choices[fields[field][1].partition(':')[2]]]:
                die(f"{k['key']}: rule on {field}={value}")
            if ('from' in r) == ('none_ja' in r) or ('from' in r and fields[r['from']][1] != 'date'):
                die(f"{k['key']}: a rule has a day or a reason")
        del labels


def main():
    out, path = sys.argv[1:3]
    with open(path, encoding='utf-8') as f:
        data = json.load(f)
    kinds, choices = data['kinds'], data['choices']
    check(kinds, choices)
    w = ['/* made by tools/gen-register.py */', '#include "register/exchange.h"', '']
    for name, rows in choices.items():
        w.append(f'static const struct register_choice c_{name}[] = {{')
        w += [f'\t{{{c(a)}, {c(b)}, {c(d)}}},' for a, b, d in rows]
        w.append('};')
    for k in kinds:
        n = k['key']
        w.append(f'static const struct register_field f_{n}[] = {{')
        for f in k['fields']:
            t, _, arg = f[1].partition(':')
            flags = f[4].split()
            hint = f[5:7] if len(f) >= 7 else ['', '']
            ch = f'c_{arg}, {len(choices[arg])}' if t in ('choice', 'choices') else 'NULL, 0'
            w.append(f"\t{{{c(f[0])}, REGISTER_{ENUM.get(t, t.upper())}, {c(f[2])}, {c(f[3])}, {c(hint[0])}, "
                     f"{c(hint[1])}, {c(arg) if t in ('ref', 'refs') else 'NULL'}, {ch}, "
                     + ', '.join('true' if x in flags else 'false' for x in ('required', 'wanted', 'list')) + '},')
        w.append('};')
        w.append(f'static const struct register_rule r_{n}[] = {{')
        for r in k['next']:
            w.append(f"\t{{{c(r.get('when'))}, {c(r.get('from'))}, {r.get('months', 0)}, "
                     f"{c(r.get('none_ja'))}, {c(r.get('none_en'))}}},")
        w.append('};')
        for letter, key in (('s', 'same'), ('u', 'unique')):
            if k.get(key):
                w.append(f'static const char *const {letter}_{n}[] = {{' + ', '.join(c(x) for x in k[key]) + '};')
    known = {f[0] for k in kinds for f in k['fields']}
    rows = [(f, a) for f, labels in data['aliases'].items() for a in labels]
    if {f for f, _ in rows} - known:
        die('an alias of no field')
    w.append('static const struct register_alias aliases[] = {')
    w += [f'\t{{{c(f)}, {c(a)}}},' for f, a in rows] + ['};']
    w.append('static const struct register_kind kinds[] = {')
    for k in kinds:
        n = k['key']
        w.append(f"\t{{{c(n)}, {c(k['prefix'])}, {c(k['ja'])}, {c(k['en'])}, {c(k['ja_help'])}, {c(k['en_help'])}, "
                 f"{c(k['next_ja'])}, {c(k['next_en'])}, {c(k.get('single'))}, {c(k['title'])}, {c(k.get('reading'))}, "
                 f"f_{n}, {len(k['fields'])}, r_{n}, {len(k['next'])}, {k['first_days']}, "
                 + ', '.join(f'{a}_{n}, {len(k[b])}' if k.get(b) else 'NULL, 0' for a, b in (('s', 'same'), ('u', 'unique'))) + '},')
    w += ['};', '', 'const struct register_kind *', 'register_kinds(size_t *ret_n)', '{',
          f'\t*ret_n = {len(kinds)};', '\treturn kinds;', '}']
    w += ['', 'const struct register_alias *', 'register_aliases(size_t *ret_n)', '{',
          f'\t*ret_n = {len(rows)};', '\treturn aliases;', '}']
    with open(out, 'w', encoding='utf-8') as f:
        f.write('\n'.join(w) + '\n')


main()
