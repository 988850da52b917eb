# Turns raw.tsv and mount.tsv into Markdown. Sourced by bench/run.
report() {
	echo "# Benchmark of $(date -u +%F)"
	echo
	echo "- Mamori $("$mamori" --version 2>/dev/null | head -n 1) · $(restic version 2>/dev/null | cut -d' ' -f1,2) · $(borg --version 2>/dev/null)"
	echo "- $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), Linux $(uname -r)"
	echo "- median of the runs counted in each row; CPU = user + system seconds; peak = largest resident set of one process"
	[ $quick = 0 ] || echo "- **quick run on small data: a smoke test, not a measurement**"
	sed 's/^/- /' "$notes"
	if [ -s "$out/limits.tsv" ]; then
		printf '\n## Limits of this machine\n\n| what (one thread) | measured |\n|---|---|\n'
		awk -F'\t' '{printf "| %s | %s %s |\n", $1, $2, $3}' "$out/limits.tsv"
	fi
	awk -F'\t' -f "$here/report.awk" "$raw"
	if [ -s "$mounts" ]; then
		printf '\n## Mount, one 1.36 GB file\n\n| setting | tool | usable after | 4 KiB random mean | p50 | p99 | max | sequential |\n|---|---|---|---|---|---|---|---|\n'
		awk -F'\t' '{printf "| %s, %s | %s | %d ms | %s ms | %s ms | %s ms | %s ms | %s MB/s |\n", $1, $2, $3, $4, $5, $6, $7, $8, $9}' "$mounts"
	fi
	if [ -s "$out/index10m.txt" ]; then
		printf '\n## Index\n\n```\n'
		cat "$out/index10m.txt"
		printf '```\n'
	fi
}
