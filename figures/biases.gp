load "../figures/style.gp"
set output "figures/biases.tex"
set ylabel "recall at 10"; set xrange [-0.5:3.5]; set yrange [0.6:0.75]; unset key
set xtics ("$-10$" 0, "$-\\ln(N-1)$" 1, "$0$" 2, "none" 3) ; set xlabel "bias that training begins with"
biases = "< ../tools/compare points test_to_text_r10 loss-sigmoid-64 bias-balanced bias-zero bias-none"
plot biases using 0:2:3 with yerrorbars ls 1 pt 7 ps 0.6
