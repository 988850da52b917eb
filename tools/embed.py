#!/usr/bin/env python3
"""embed.py OUT.c TABLE HEADER TYPE FILE...

Write a C file with the bytes of each FILE and one table of them, so that a program
carries its schema, style sheets and texts itself. TYPE is
  step   struct db_step rows: number and name from the file name NNNN-name.sql
  asset  struct asset rows: file name, bytes, length
"""
import os
import sys

out, table, header, kind, files = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
files.sort(key=os.path.basename)
lines = ['/* made by tools/embed.py */', f'#include "{header}"', '']
rows = []
for i, path in enumerate(files):
    with open(path, 'rb') as f:
        data = f.read()
    name = os.path.basename(path)
    lines.append(f'static const unsigned char f{i}[] = {{')
    body = data + b'\0'
    for k in range(0, len(body), 24):
        lines.append('\t' + ','.join(str(b) for b in body[k:k + 24]) + ',')
    lines.append('};')
    if kind == 'step':
        number, rest = name[:-len('.sql')].split('-', 1)
        rows.append(f'\t{{{int(number)}, "{rest}", (const char *)f{i}, {len(data)}}},')
    else:
        rows.append(f'\t{{"{name}", f{i}, {len(data)}}},')
ctype = 'struct db_step' if kind == 'step' else 'struct asset'
lines += ['', f'static const {ctype} rows[] = {{'] + rows + ['};', '',
          f'const {ctype} *', f'{table}(size_t *ret_n)', '{',
          f'\t*ret_n = {len(files)};', '\treturn rows;', '}']
with open(out, 'w') as f:
    f.write('\n'.join(lines) + '\n')
