/* The verb journal: what is in a data directory's journal, and cutting what is broken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/put.h"
#include "base/decimal.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "store/segment.h"
#include "venue/recover.h"

static const char help_text[] =
    "usage: ringfence journal dump [--from N] [--to N] DIR\n"
    "       ringfence journal cut [--yes] DIR\n"
    "\n"
    "dump  prints one JSON object a record: seq, kind, time_ns and the fields of the command in "
    "the\n"
    "      engine's units (docs/journal.md). Of keys, people and addresses only that something "
    "changed.\n"
    "      Changes nothing; a server may be running.\n"
    "cut   finds the first place where the journal is torn or damaged and cuts everything from "
    "there "
    "on.\n"
    "      A torn tail was never acknowledged, and a server cuts it itself when it starts. Behind "
    "damage\n"
    "      there were acknowledged records: try every copy of the file first. What is cut stays "
    "beside\n"
    "      as FILE.cut. Without --yes it only says what it would do.\n";

typedef struct journal_options {
    const char *dir;
    uint64_t from, to;
    bool yes;
} journal_options;

/* ---- dump ---------------------------------------------------------------------------------------- */

static const char *const kinds[RF_COMMAND_KINDS] = {
#define RF_COMMAND(name, fields, doc) #name,
#include "engine/command.def"
#undef RF_COMMAND
};

static void put_tiers(rf_bytes *out, const rf_instrument_config *config)
{
    rf_put_open(out, "tiers", '[');
    for (uint32_t i = 0; i < config->tiers_count && i < RF_TIERS_MAX; i++) {
        rf_put_open(out, NULL, '{');
        rf_put_int(out, "notional_floor", config->tiers[i].notional_floor);
        rf_put_int(out, "maintenance_rate", config->tiers[i].maintenance_rate);
        rf_put_int(out, "max_leverage", config->tiers[i].max_leverage);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

#define PUT_u8(name, field) rf_put_int(out, name, field);
#define PUT_u16(name, field) rf_put_int(out, name, field);
#define PUT_u32(name, field) rf_put_int(out, name, field);
#define PUT_i32(name, field) rf_put_int(out, name, field);
#define PUT_i64(name, field) rf_put_int(out, name, field);
#define PUT_u64(name, field) rf_put_id(out, name, field);
#define PUT_text(name, field) rf_put_text(out, name, field);
#define PUT_tiers(name, field) put_tiers(out, config);

static void put_order(rf_bytes *out, const rf_order_params *order)
{
#define RF_ORDER_FIELD(type, name, max) PUT_##type(#name, order->name)
#include "engine/field.def"
}

static void put_config(rf_bytes *out, const rf_instrument_config *config)
{
    rf_put_open(out, "config", '{');
#define RF_CONFIG_FIELD(type, name, max) PUT_##type(#name, config->name)
#include "engine/field.def"
    rf_put_close(out, '}');
}

static void put_change(rf_bytes *out, const rf_command *command)
{
#define RF_CHANGE_FIELD(type, name, max) PUT_##type(#name, command->u.change.name)
#include "engine/field.def"
}

static void put_list(rf_bytes *out, const rf_command *command)
{
#define RF_LIST_FIELD(type, name, max) PUT_##type(#name, command->u.list.name)
#include "engine/field.def"
    rf_put_open(out, "legs", '[');
    for (uint32_t i = 0; i < command->u.list.legs_count; i++) {
        rf_put_open(out, NULL, '{');
        put_order(out, &command->u.list.legs[i]);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

static void put_isolation(rf_bytes *out, const rf_command *command)
{
#define RF_ISOLATION_FIELD(type, name, max) PUT_##type(#name, command->u.isolation.name)
#include "engine/field.def"
}

static void put_money(rf_bytes *out, const rf_command *command)
{
#define RF_MONEY_FIELD(type, name, max) PUT_##type(#name, command->u.money.name)
#include "engine/field.def"
}

static void put_account(rf_bytes *out, const rf_command *command)
{
#define RF_ACCOUNT_FIELD(type, name, max) PUT_##type(#name, command->u.account.name)
#include "engine/field.def"
}

static void put_instrument(rf_bytes *out, const rf_command *command)
{
#define RF_INSTRUMENT_FIELD(type, name, max) PUT_##type(#name, command->u.instrument.name)
#include "engine/field.def"
    if (command->u.instrument.config)
        put_config(out, command->u.instrument.config);
}

static void put_index(rf_bytes *out, const rf_command *command)
{
#define RF_INDEX_FIELD(type, name, max) PUT_##type(#name, command->u.index.name)
#include "engine/field.def"
}

static void put_currency(rf_bytes *out, const rf_command *command)
{
#define RF_CURRENCY_FIELD(type, name, max) PUT_##type(#name, command->u.currency.name)
#include "engine/field.def"
}

/* The group that a row of command.def names. */
#define GROUP_order put_order(out, &command->u.order)
#define GROUP_change put_change(out, command)
#define GROUP_list put_list(out, command)
#define GROUP_isolation put_isolation(out, command)
#define GROUP_money put_money(out, command)
#define GROUP_account put_account(out, command)
#define GROUP_instrument put_instrument(out, command)
#define GROUP_index put_index(out, command)
#define GROUP_currency put_currency(out, command)
#define GROUP_nothing (void)0

static void put_fields(rf_bytes *out, const rf_command *command)
{
    switch (command->kind) {
#define RF_COMMAND(name, fields, doc) \
    case RF_COMMAND_##name:           \
        GROUP_##fields;               \
        break;
#include "engine/command.def"
#undef RF_COMMAND
    case RF_COMMAND_KINDS:
        break;
    }
}

typedef struct dump {
    const journal_options *options;
    rf_bytes out;
} dump;

static bool print_record(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    dump *to = context;
    rf_command command;
    rf_command_room room;
    if (seq > to->options->to)
        return false;
    rf_bytes_clear(&to->out);
    rf_put_open(&to->out, NULL, '{');
    rf_put_int(&to->out, "seq", (int64_t)seq);
    if (kind == RF_RECORD_COMMAND && rf_command_decode(bytes, size, &command, &room)) {
        rf_put_text(&to->out, "kind", kinds[command.kind]);
        rf_put_int(&to->out, "time_ns", command.time_ns);
        rf_put_open(&to->out, "fields", '{');
        put_fields(&to->out, &command);
        rf_put_close(&to->out, '}');
    } else {
        rf_put_text(&to->out, "kind", kind == RF_RECORD_REGISTRY ? "registry" : "unknown");
        rf_put_int(&to->out, "bytes", (int64_t)size);
    }
    rf_put_close(&to->out, '}');
    rf_bytes_char(&to->out, '\n');
    return !to->out.full && fwrite(to->out.data, 1, to->out.size, stdout) == to->out.size;
}

static int run_dump(const journal_options *options, const rf_journal_options *journal)
{
    dump to = {.options = options};
    rf_store_report report;
    rf_bytes_init(&to.out, NULL, 0, rf_world_grow);
    const uint64_t after = options->from > 0 ? options->from - 1 : RF_JOURNAL_OLDEST;
    bool good = rf_journal_read(journal, after, print_record, &to, &report);
    free(to.out.data);
    good = fflush(stdout) == 0 && good;
    if (!good)
        fprintf(stderr, "ringfence journal: %s\n",
                report.error[0] ? report.error : "cannot write the records");
    if (good && report.cut_bytes > 0)
        fprintf(stderr, "ringfence journal: a torn tail of %llu bytes in %s at byte %llu\n",
                (unsigned long long)report.cut_bytes, report.cut_file,
                (unsigned long long)report.cut_offset);
    return good ? 0 : 1;
}

/* ---- cut ----------------------------------------------------------------------------------------- */

static void say_what(const rf_store_report *report)
{
    if (report->damaged_seq != 0)
        printf("%s is damaged at byte %llu: record %llu and everything behind it, snapshots too\n",
               report->cut_file, (unsigned long long)report->cut_offset,
               (unsigned long long)report->damaged_seq);
    else
        printf("%s ends in a torn tail of %llu bytes at byte %llu\n", report->cut_file,
               (unsigned long long)report->cut_bytes, (unsigned long long)report->cut_offset);
}

static int run_cut(const journal_options *options, const rf_journal_options *journal)
{
    rf_store_report report;
    int error = 0;
    const int lock = rf_disk_lock(options->dir, &error);
    if (lock < 0) {
        fprintf(stderr, "ringfence journal: cannot have %s for itself: %s\n", options->dir,
                error == EWOULDBLOCK ? "a server is running on it" : strerror(error));
        return 1;
    }
    bool good = rf_journal_read(journal, RF_JOURNAL_OLDEST, NULL, NULL, &report);
    if (good && report.cut_bytes == 0) {
        puts("nothing to cut");
    } else if (report.cut_file[0] == '\0') {
        fprintf(stderr, "ringfence journal: %s\n", report.error);
    } else if (!options->yes) {
        say_what(&report);
        puts("nothing was changed; to cut it, say --yes");
        good = false;
    } else {
        good = rf_journal_cut(journal, &report);
        say_what(&report);
        printf("%s; what was cut is beside as %s.cut\n", good ? "done" : "not done",
               report.cut_file);
        if (!good)
            fprintf(stderr, "ringfence journal: %s\n", report.error);
    }
    close(lock);
    return good ? 0 : 1;
}

/* A wrong directory has an empty journal too, and must not be called well. */
static bool has_journal(const rf_journal_options *journal)
{
    rf_names files;
    int error = 0;
    const bool listed = rf_names_list(journal->disk, journal->dir, "journal-", &files, &error);
    const bool found = listed && files.count > 0;
    if (!found)
        fprintf(stderr, "ringfence journal: there is no journal in %s%s%s\n", journal->dir,
                listed ? "" : ": ", listed ? "" : strerror(error));
    if (listed)
        free(files.numbers);
    return found;
}

/* ---- The verb ------------------------------------------------------------------------------------ */

static const struct option known[] = {{"from", required_argument, NULL, 'f'},
                                      {"to", required_argument, NULL, 't'},
                                      {"yes", no_argument, NULL, 'y'},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};
static const rf_verb verb = {"journal", help_text, known};

/* -1: go on. */
static int read_options(journal_options *options, int argc, char **argv)
{
    int choice, status = -1;
    while ((choice = rf_next_option(&verb, argc, argv, &status)) != -1) {
        if (choice == 'y')
            options->yes = true;
        else if (!rf_decimal_parse_id(optarg, strlen(optarg),
                                      choice == 'f' ? &options->from : &options->to))
            return rf_wrong_usage(&verb, "not the number of a record: ", optarg);
    }
    return status;
}

int rf_cli_journal(int argc, char **argv)
{
    journal_options options = {.to = UINT64_MAX};
    const int status = read_options(&options, argc, argv);
    if (status >= 0)
        return status;
    const char *what = optind < argc ? argv[optind] : "";
    const bool is_dump = strcmp(what, "dump") == 0;
    if (!is_dump && strcmp(what, "cut") != 0)
        return rf_wrong_usage(&verb, "dump or cut, not ", what[0] ? what : "nothing");
    if (argc - optind != 2)
        return rf_wrong_usage(
            &verb, argc - optind < 2 ? "a data directory is missing" : "one directory only", "");
    options.dir = argv[optind + 1];
    const rf_journal_options journal = {
        .disk = &rf_disk_files, .dir = options.dir, .segment_size = 8192};
    if (!has_journal(&journal))
        return 1;
    return is_dump ? run_dump(&options, &journal) : run_cut(&options, &journal);
}
