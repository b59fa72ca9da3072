load "../figures/style.gp"
set terminal cairolatex pdf size 4.6in,2.3in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/mae-ratios.tex"
hidden = "hide-25 hide-50 hide-75 hide-90"
points(key, names) = "< ../tools/compare points " . key . " " . names
share(k) = real(word("0.25 0.5 0.75 0.9", int(k) + 1))
untrained = real(system("../tools/compare points linear know-untrained | cut -f 2"))
set multiplot layout 1,2 margins 0.09,0.99,0.19,0.88 spacing 0.12
set xlabel "fraction hidden"; set xrange [0.15:1]; set xtics ("0.25" 0.25, "0.5" 0.5, "0.75" 0.75, "" 0.9)
unset key
set title "error, relative to zero" offset 0,-0.7; set yrange [0:1]; set ytics 0.2
plot points("normalized_error", hidden) using (share($0)):2:3 with yerrorlines ls 2 dt 1 pt 5 ps 0.5
set title "accuracy of a linear probe" offset 0,-0.7; set yrange [0.3:0.5]; set ytics 0.05
set label 1 "random encoder" at 0.18,untrained+0.008 left
plot untrained with lines ls 9, \
     points("linear", "know-hide-25 know-hide-50 know-hide-75 know-hide-90") using (share($0)):2:3 with yerrorlines ls 1 pt 7 ps 0.5
unset multiplot
