/* The verb verify: a data directory's journal once more through the engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "base/crc32c.h"
#include "base/decimal.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "server/audit.h"
#include "venue/recover.h"

enum { INVARIANTS_MAX = 32, CHECK_EVERY = 4096 };

static const char help_text[] =
    "usage: ringfence verify [options] DIR\n"
    "\n"
    "Runs the journal of a data directory through a fresh engine, from the first record or, when "
    "old "
    "files are gone,\n"
    "from the oldest snapshot that fits. Checks every record's checksum and place, the invariants "
    "on "
    "the way, and that\n"
    "every snapshot is the state at its record, and the chain of the audit log. Changes nothing; a "
    "server may be running.\n"
    "\n"
    "options:\n"
    "  --json             print one JSON object: ok, commands, digest, invariants, ...\n"
    "  --check-every N    records between two checks of the invariants (4096)\n"
    "\n"
    "The exit status is 1 when anything does not hold.\n";

typedef struct verification {
    const char *dir;
    bool json;
    uint64_t check_every;
    rf_world world;
    rf_journal_options options;
    unsigned char label[RF_VENUE_LABEL_SIZE];
    uint64_t start; /* the snapshot begun with, 0 = the first record */
    uint64_t *snapshots;
    size_t snapshots_count, snapshots_next; /* the next one to be compared */
    uint64_t commands, changes, compared;
    rf_invariant rows[INVARIANTS_MAX];
    size_t rows_count;
    rf_store_report report;
    rf_audit_report audit;
    char error[512];
} verification;

/* The first thing that was wrong. */
static bool complain(verification *run, const char *what)
{
    if (run->error[0] == '\0')
        snprintf(run->error, sizeof run->error, "%s", what);
    return false;
}

static bool complain_at(verification *run, uint64_t seq, const char *what, const char *detail)
{
    char text[480];
    snprintf(text, sizeof text, "record %llu: %s%s", (unsigned long long)seq, what, detail);
    return complain(run, text);
}

/* ---- Comparing ----------------------------------------------------------------------------------- */

/* A short name for all that a world saves. */
typedef struct mark {
    uint32_t crc;
    uint64_t size;
} mark;

static bool add_to_mark(void *context, const void *bytes, size_t size)
{
    mark *all = context;
    all->crc = rf_crc32c(all->crc, bytes, size);
    all->size += size;
    return true;
}

static bool is_same_state(const rf_world *a, const rf_world *b)
{
    mark x = {0}, y = {0};
    const rf_digest digest_a = rf_engine_digest(a->engine), digest_b = rf_engine_digest(b->engine);
    return rf_world_save(a, add_to_mark, &x) && rf_world_save(b, add_to_mark, &y) &&
           x.crc == y.crc && x.size == y.size && digest_a.high == digest_b.high &&
           digest_a.low == digest_b.low;
}

static bool load(void *context, rf_snap_read read, void *from)
{
    const char *ignored;
    return rf_world_load(context, read, from, &ignored);
}

/* Exactly this one. */
static bool load_snapshot(verification *run, rf_world *world, uint64_t seq)
{
    uint64_t found;
    char error[256];
    rf_snapfile_load(&rf_disk_files, run->dir, seq, &found, load, world, error);
    if (found == seq && error[0] == '\0')
        return true;
    return complain_at(run, seq,
                       "its snapshot is not usable: ", error[0] ? error : "it cannot be read");
}

static bool compare_snapshot(verification *run, uint64_t seq)
{
    rf_world other;
    if (!rf_world_open(&other, &run->world.limits, false))
        return complain_at(run, seq, "out of memory", "");
    bool good = load_snapshot(run, &other, seq);
    if (good && !is_same_state(&run->world, &other))
        good = complain_at(run, seq, "its snapshot is not the state of the journal", "");
    rf_world_close(&other);
    run->compared += good;
    return good;
}

static bool check(verification *run)
{
    run->rows_count = rf_engine_check(run->world.engine, run->rows, INVARIANTS_MAX);
    for (size_t i = 0; i < run->rows_count; i++)
        if (!run->rows[i].ok)
            return complain_at(run, run->world.record, "broken afterwards: invariant ",
                               run->rows[i].name);
    return true;
}

static bool take(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    verification *run = context;
    if (!rf_world_replay(&run->world, (rf_record_kind)kind, bytes, size))
        return complain_at(run, seq, "it is none of this version", "");
    run->commands += kind == RF_RECORD_COMMAND;
    run->changes += kind == RF_RECORD_REGISTRY;
    if (seq % run->check_every == 0 && !check(run))
        return false;
    while (run->snapshots_next < run->snapshots_count && run->snapshots[run->snapshots_next] < seq)
        run->snapshots_next++;
    if (run->snapshots_next < run->snapshots_count && run->snapshots[run->snapshots_next] == seq)
        return compare_snapshot(run, seq);
    return true;
}

/* ---- Where to begin ------------------------------------------------------------------------------ */

/* The oldest record from which on everything was made by the rules and limits of the newest. */
static bool find_first(verification *run, uint64_t *first)
{
    rf_journal_head head, before;
    rf_limits limits;
    const char *why;
    if (!rf_journal_look(&run->options, UINT64_MAX, &head, &run->report))
        return complain(run, run->report.error);
    if (!rf_venue_limits(&head, &limits, &why))
        return complain(run, why);
    if (!rf_world_open(&run->world, &limits, false))
        return complain(run, "cannot make an engine of this size");
    memcpy(run->label, head.label, sizeof run->label);
    run->options.label = run->label;
    run->options.label_size = sizeof run->label;
    *first = head.first_seq;
    while (*first > 1) {
        if (!rf_journal_look(&run->options, *first - 1, &before, &run->report))
            return complain(run, run->report.error);
        if (before.first_seq >= *first || before.label_size != sizeof run->label ||
            memcmp(before.label, run->label, sizeof run->label) != 0)
            return true;
        *first = before.first_seq;
    }
    return true;
}

static bool begin(verification *run)
{
    uint64_t first;
    char error[256];
    if (!find_first(run, &first))
        return false;
    if (!rf_snapfile_list(&rf_disk_files, run->dir, &run->snapshots, &run->snapshots_count, error))
        return complain(run, error);
    if (first == 1)
        return true;
    for (; run->snapshots_next < run->snapshots_count; run->snapshots_next++) {
        run->start = run->snapshots[run->snapshots_next];
        if (run->start + 1 < first)
            continue;
        run->world.record = run->start;
        return load_snapshot(run, &run->world, run->start);
    }
    return complain_at(run, first, "the journal begins with it, and no snapshot leads there", "");
}

/* The log that no record knows of: bound to itself by its hashes. */
static bool verify_audit(verification *run)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/audit.log", run->dir) >= (int)sizeof path)
        return complain(run, "the path is too long");
    if (rf_audit_verify(path, &run->audit))
        return true;
    char text[320];
    snprintf(text, sizeof text, "audit.log, %s", run->audit.error);
    return complain(run, text);
}

static bool verify(verification *run)
{
    if (!begin(run))
        return false;
    if (!rf_journal_read(&run->options, run->start, take, run, &run->report))
        return complain(run, run->report.error);
    if (run->error[0] != '\0' || !check(run))
        return false;
    /* A snapshot is written after its record was flushed. */
    for (size_t i = run->snapshots_next; i < run->snapshots_count; i++)
        if (run->snapshots[i] > run->report.last_seq)
            return complain_at(run, run->snapshots[i],
                               "there is a snapshot of it, but the journal has it not", "");
    return verify_audit(run);
}

/* ---- Saying so ----------------------------------------------------------------------------------- */

static void print_json(const verification *run, bool good)
{
    rf_bytes out;
    const rf_digest digest =
        run->world.engine ? rf_engine_digest(run->world.engine) : (rf_digest){0};
    char text[40];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)digest.high,
             (unsigned long long)digest.low);
    rf_bytes_init(&out, NULL, 0, rf_world_grow);
    rf_put_open(&out, NULL, '{');
    rf_put_bool(&out, "ok", good);
    rf_put_int(&out, "commands", (int64_t)run->commands);
    rf_put_text(&out, "digest", text);
    rf_put_open(&out, "invariants", '{');
    for (size_t i = 0; i < run->rows_count; i++)
        rf_put_bool(&out, run->rows[i].name, run->rows[i].ok);
    rf_put_close(&out, '}');
    rf_put_int(&out, "registry_changes", (int64_t)run->changes);
    rf_put_int(&out, "snapshot", (int64_t)run->start);
    rf_put_int(&out, "last_record", (int64_t)run->report.last_seq);
    rf_put_int(&out, "snapshots_compared", (int64_t)run->compared);
    rf_put_int(&out, "torn_bytes", (int64_t)run->report.cut_bytes);
    rf_put_int(&out, "audit_lines", (int64_t)run->audit.lines);
    rf_put_text(&out, "audit_head", run->audit.head);
    if (!good)
        rf_put_text(&out, "error", run->error);
    rf_put_close(&out, '}');
    rf_bytes_char(&out, '\n');
    fwrite(out.data, 1, out.size, stdout);
    free(out.data);
}

static void print_text(const verification *run, bool good)
{
    if (!run->world.engine) { /* nothing could be run */
        fprintf(stderr, "ringfence verify: %s\n", run->error);
        return;
    }
    if (run->start != 0)
        printf("from the snapshot of record %llu\n", (unsigned long long)run->start);
    printf("%llu commands and %llu changes of the registry, to record %llu\n",
           (unsigned long long)run->commands, (unsigned long long)run->changes,
           (unsigned long long)run->report.last_seq);
    printf("%llu snapshot%s compared\n", (unsigned long long)run->compared,
           run->compared == 1 ? "" : "s");
    if (run->audit.lines > 0)
        printf("%llu line%s of the audit log, head %s\n", (unsigned long long)run->audit.lines,
               run->audit.lines == 1 ? "" : "s", run->audit.head);
    if (run->report.cut_bytes > 0)
        printf("a torn tail of %llu bytes in %s at byte %llu: never acknowledged\n",
               (unsigned long long)run->report.cut_bytes, run->report.cut_file,
               (unsigned long long)run->report.cut_offset);
    for (size_t i = 0; i < run->rows_count; i++)
        printf("%s%s%s", i > 0 ? " " : "invariants: ", run->rows[i].name,
               run->rows[i].ok ? "" : " BROKEN");
    const rf_digest digest = rf_engine_digest(run->world.engine);
    printf("\ndigest %016llx%016llx\n", (unsigned long long)digest.high,
           (unsigned long long)digest.low);
    if (good)
        puts("all is well");
    else
        fprintf(stderr, "ringfence verify: %s\n", run->error);
}

static const struct option known[] = {{"json", no_argument, NULL, 'j'},
                                      {"check-every", required_argument, NULL, 'c'},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};
static const rf_verb verb = {"verify", help_text, known};

/* -1: go on. */
static int read_options(verification *run, int argc, char **argv)
{
    int choice, status = -1;
    while ((choice = rf_next_option(&verb, argc, argv, &status)) != -1) {
        if (choice == 'j')
            run->json = true;
        else if (!rf_decimal_parse_id(optarg, strlen(optarg), &run->check_every) ||
                 run->check_every == 0)
            return rf_wrong_usage(&verb, "--check-every takes a whole number from 1 on, not ",
                                  optarg);
    }
    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return rf_wrong_usage(
            &verb, argc == optind ? "a data directory is missing" : "one directory only", "");
    run->dir = run->options.dir = argv[optind];
    return -1;
}

int rf_cli_verify(int argc, char **argv)
{
    verification run = {.check_every = CHECK_EVERY,
                        .options = {.disk = &rf_disk_files, .segment_size = 8192}};
    const int status = read_options(&run, argc, argv);
    if (status >= 0)
        return status;
    const bool good = verify(&run);
    if (run.json)
        print_json(&run, good);
    else
        print_text(&run, good);
    if (run.world.engine)
        rf_world_close(&run.world);
    free(run.snapshots);
    return good ? 0 : 1;
}
