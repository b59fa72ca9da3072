load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.6in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/evolution.tex"
points(key, names) = "< ../tools/compare points " . key . " " . names
who = "none vit mae clip maeclip evaclip siglip"
prefixed(p) = p . "-" . word(who, 1) . " " . p . "-" . word(who, 2) . " " . p . "-" . word(who, 3) . " " . p . "-" . word(who, 4) . " " . p . "-" . word(who, 5) . " " . p . "-" . word(who, 6) . " " . p . "-" . word(who, 7)
say = "say-random say-vit say-mae say-clip say-maeclip say-evaclip say-siglip"
set pointintervalbox 0; set boxwidth 0.2; set yrange [0:1]; set bmargin 3.5; set ylabel "fraction"; set key outside top horizontal
set xrange [-0.6:6.6]; set xtics ("untrained" 0, "ViT" 1, "MAE" 2, "CLIP" 3, "\\shortstack[t]{MAE,\\\\CLIP}" 4, "\\shortstack[t]{EVA,\\\\CLIP}" 5, "SigLIP" 6) scale 0 offset 0,-0.5
plot points("single_seen", prefixed("see")) using ($0-0.3):2 with boxes ls 1 fs solid 0.9 title "zero-shot", \
     points("linear", prefixed("know")) using ($0-0.1):2 with boxes ls 1 fs solid 0.5 title "probe", \
     points("neighbours", prefixed("know")) using ($0+0.1):2 with boxes ls 1 fs solid 0.2 title "20 neighbours", \
     points("single_seen", say) using ($0+0.3):2 with boxes ls 2 dt 1 fs solid 0.4 title "said by a language model", \
     points("single_seen", prefixed("see")) using ($0-0.3):($2-$3):(0):(2*$3) with vectors nohead lc rgb "#000000" lw 0.8 notitle, \
     points("linear", prefixed("know")) using ($0-0.1):($2-$3):(0):(2*$3) with vectors nohead lc rgb "#000000" lw 0.8 notitle, \
     points("neighbours", prefixed("know")) using ($0+0.1):($2-$3):(0):(2*$3) with vectors nohead lc rgb "#000000" lw 0.8 notitle, \
     points("single_seen", say) using ($0+0.3):($2-$3):(0):(2*$3) with vectors nohead lc rgb "#000000" lw 0.8 notitle
