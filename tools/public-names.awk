# A noweb filter: index what headers declare (functions, types, macros, constants), where they declare it.
# Headers are chunks named *.h, and the chunks they are put together from: lists of declarations, and the
# inline functions of vector.h.
/^@defn / { header = ($0 ~ /\.h(\]\])?$/ || $0 ~ / declarations$/ || $0 ~ /^@defn (a vector of the machine|exponential, sigmoid and the normal)/); line = ""; depth = 0; comment = 0; seen_chunk = 1 }
/^@end code/ { header = 0 }
{ print }
header && /^@text / { line = line substr($0, 7) }
header && /^@nl/ { scan(line); line = "" }
function define(name) {
    if (name != "" && !(name in known)) { known[name] = 1; print "@index defn " name }
}
function scan(text,  name) {
    if (comment) { if (text ~ /\*\//) comment = 0; return }
    if (text ~ /^[ \t]*\/\*/) { if (text !~ /\*\//) comment = 1; return }
    sub(/\/\*.*/, "", text)
    if (text ~ /^#define [A-Za-z_]/) { name = text; sub(/^#define /, "", name); sub(/[^A-Za-z0-9_].*/, "", name)
        if (name !~ /_H$/) define(name); return }
    if (match(text, /^} [A-Z][A-Za-z0-9]*;/)) { name = substr(text, 3); sub(/;.*/, "", name); define(name); return }
    if (match(text, /} [A-Z][A-Za-z0-9]*;[ \t]*$/)) { name = substr(text, RSTART + 2); sub(/;.*/, "", name); define(name) }
    if (text ~ /^typedef struct [A-Za-z]+ [A-Za-z]+;/) { name = text; sub(/;.*/, "", name); sub(/.* /, "", name); define(name); return }
    if (text ~ /^[A-Za-z].*\(/ && text !~ /^(typedef|return|if|for|while|#)/) {
        name = text; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); define(name) }
}
