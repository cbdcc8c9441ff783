/* What an accepted answer holds: api/results.def, seen in real answers, as a schema. */
#include <string.h>

#include "api/describe.h"

static const struct {
    const char *method, *shape;
} results[] = {
#define RF_RESULT(method, shape) {method, shape},
#include "api/results.def"
#undef RF_RESULT
};

static void line(rf_bytes *out, unsigned depth, const char *text)
{
    for (unsigned i = 0; i < depth; i++)
        rf_bytes_text(out, "  ");
    rf_bytes_text(out, text);
    rf_bytes_char(out, '\n');
}

static const char *find_shape(const rf_method *method)
{
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i].method, method->name) == 0)
            return results[i].shape;
    return NULL;
}

/* A letter for what has no members; "?" is what no answer has told yet. */
static void put_plain(rf_bytes *out, unsigned depth, char letter)
{
    static const char letters[] = "sinb";
    static const char *const types[] = {"type: string", "type: integer", "type: number",
                                        "type: boolean"};
    const char *at = strchr(letters, letter);
    line(out, depth, at ? types[at - letters] : "nullable: true");
}

/* "{name:s list:[i]}"; returns what is behind it. Our own table nests a handful deep. */
static const char *put_shape(rf_bytes *out, unsigned depth, const char *shape)
{
    if (*shape == '[') {
        line(out, depth, "type: array");
        line(out, depth, "items:");
        return put_shape(out, depth + 1, shape + 1) + 1;
    }
    if (*shape != '{') {
        put_plain(out, depth, *shape);
        return shape + 1;
    }
    line(out, depth, "type: object");
    line(out, depth, "properties:");
    for (shape++; *shape != '}'; shape += *shape == ' ') {
        size_t size = strcspn(shape, ":");
        for (unsigned i = 0; i <= depth; i++)
            rf_bytes_text(out, "  ");
        rf_bytes_char(out, '"'); /* n and y alone are words of YAML */
        rf_bytes_add(out, shape, size);
        rf_bytes_text(out, "\":\n");
        shape = put_shape(out, depth + 2, shape + size + 1);
    }
    return shape + 1;
}

bool rf_describe_has_result(const rf_method *method)
{
    return find_shape(method) != NULL;
}

void rf_describe_result(rf_bytes *out, unsigned depth, const rf_method *method)
{
    put_shape(out, depth, find_shape(method));
}
