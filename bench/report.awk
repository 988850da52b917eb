# raw.tsv: tier cache case measure tool run wall user sys rss status load size
function median(s,    v, n, i, j, t) {
	n = split(s, v, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function cell(k) {
	return k in wall ? sprintf("%.2f s (%.1f CPU-s, %d MiB)", median(wall[k]), median(cpu[k]), median(rss[k]) / 1024) : "–"
}
function times(a, b) {
	return (a in wall) && (b in wall) && median(wall[a]) > 0 ? sprintf("%.1f×", median(wall[b]) / median(wall[a])) : "–"
}
function mib(k) { return k in size ? sprintf("%.1f", median(size[k]) / 1048576) : "–" }
$11 != 0 { failed = failed sprintf("- %s %s (%s, %s, run %s): status %s\n", $5, $4, $3, $1, $6, $11); next }
{
	set = $1 ", " $2
	if (!(set in sets)) { sets[set] = 1; order[++nset] = set }
	row = set SUBSEP $3 SUBSEP $4
	if (!(row in rows)) { rows[row] = 1; line[++nrow] = row }
	k = row SUBSEP $5
	wall[k] = wall[k] $7 " "
	cpu[k] = cpu[k] ($8 + $9) " "
	rss[k] = rss[k] $10 " "
	size[k] = size[k] $13 " "
	count[k]++
	if (!(set in lo) || $12 < lo[set]) lo[set] = $12
	if ($12 > hi[set]) hi[set] = $12
}
END {
	for (s = 1; s <= nset; s++) {
		printf "\n## Repository and page cache: %s (load average %.1f to %.1f)\n\n", order[s], lo[order[s]], hi[order[s]]
		print "| case | measure | runs | Mamori | restic | borg | restic ÷ Mamori | borg ÷ Mamori |"
		print "|---|---|---|---|---|---|---|---|"
		for (i = 1; i <= nrow; i++) {
			split(line[i], p, SUBSEP)
			if (p[1] != order[s])
				continue
			a = line[i] SUBSEP "mamori"
			b = line[i] SUBSEP "restic"
			c = line[i] SUBSEP "borg"
			n = count[a] ? count[a] : count[b]
			if (p[3] == "scrub") { # peers have no keyless check: beside it stands their deep one
				b = p[1] SUBSEP p[2] SUBSEP "deep" SUBSEP "restic"
				c = p[1] SUBSEP p[2] SUBSEP "deep" SUBSEP "borg"
			}
			printf "| %s | %s | %d | %s | %s | %s | %s | %s |\n", p[2], p[3], n, cell(a), cell(b), cell(c), times(a, b), times(a, c)
			b = line[i] SUBSEP "restic-tls"
			if (b in wall)
				printf "| %s, restic with mutual TLS | %s | %d | %s | %s | – | %s | – |\n", p[2], p[3], count[b], cell(a), cell(b), times(a, b)
		}
		print "\n| case | stored after | Mamori MiB | restic MiB | borg MiB | Mamori ÷ smaller peer |\n|---|---|---|---|---|---|"
		for (i = 1; i <= nrow; i++) {
			split(line[i], p, SUBSEP)
			if (p[1] != order[s] || (p[3] != "first" && p[3] != "changed"))
				continue
			a = line[i] SUBSEP "mamori"
			b = line[i] SUBSEP "restic"
			c = line[i] SUBSEP "borg"
			base = p[1] SUBSEP p[2] SUBSEP "first" SUBSEP
			small = (b in size) && (!(c in size) || median(size[b]) < median(size[c])) ? b : c
			printf "| %s | %s | %s | %s | %s | %s |\n", p[2], p[3], mib(a), mib(b), mib(c), \
			    (a in size) && (small in size) ? sprintf("%.2f", median(size[a]) / median(size[small])) : "–"
			if (p[3] == "changed") {
				printf "| %s | growth by the change", p[2]
				for (t = 1; t <= 3; t++) {
					tool = t == 1 ? "mamori" : t == 2 ? "restic" : "borg"
					g[t] = (line[i] SUBSEP tool) in size ? (median(size[line[i] SUBSEP tool]) - median(size[base tool])) / 1048576 : -1
					printf " | %s", g[t] < 0 ? "–" : sprintf("%.1f", g[t])
				}
				m = g[2] >= 0 && (g[3] < 0 || g[2] < g[3]) ? g[2] : g[3]
				printf " | %s |\n", ((g[1] > 0 && m >= 0) ? sprintf("1 / %.1f", m / g[1]) : "–")
			}
		}
	}
	if (failed != "")
		printf "\n## Failed\n\n%s", failed
}
