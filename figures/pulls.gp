load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.15in font ",8" fontscale 0.75
set output "figures/pulls.tex"
set border 15; unset key; unset colorbox
set palette defined (0 "#ffffff", 1 "#13304f"); set cbrange [0:0.5]
set xrange [-0.5:23.5]; set yrange [23.5:-0.5]; set xtics 0,10 scale 0; set ytics 0,10 scale 0
# Scale and bias with which the run ended; its cosines are in similarity-after.tsv.
run = "runs/siglip-shapes/"
last(key) = system("awk -F '\t' '$1 == \"" . key . "\" { x = $2 } END { print x }' " . run . "summary.tsv") + 0
t = last("scale"); b = last("last_bias")
pull(i, j, cosine) = abs(1 / (1 + exp(-t * cosine - b)) - (i == j))
set multiplot layout 1,3 margins 0.07,0.91,0.17,0.9 spacing 0.045
set size square
set xlabel "text"; set ylabel "picture" offset 0.5
set title "InfoNCE" offset 0,-0.7
plot run . "pulls.tsv" using 2:1:(abs($3)) with image
unset ylabel; set format y ""
set title "sigmoid, $b=-\\ln23$" offset 0,-0.7
plot run . "pulls.tsv" using 2:1:(abs($4)) with image
set colorbox
set title sprintf("sigmoid, $b=%.1f$", b) offset 0,-0.7
plot run . "similarity-after.tsv" using 2:1:(pull($1, $2, $3)) with image
unset multiplot
