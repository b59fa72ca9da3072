# A noweb filter: before each use of a chunk, put the chunk's name as a comment of its own line,
# at the indentation of the use, so that the tangled C reads like commented C.
/^@begin code/ { code = 1 }
/^@end code/ { code = 0 }
code && /^@text [ \t]*$/ { if (held != "") print held; held = $0; next }
code && /^@use / {
    name = substr($0, 6)
    gsub(/\[\[|\]\]/, "", name)
    indent = (held == "") ? "@text " : held
    print indent "// " toupper(substr(name, 1, 1)) substr(name, 2)
    print "@nl"
    print indent
    held = ""
    print
    next
}
{ if (held != "") { print held; held = "" } print }
