/* The run's commands through the journal (I10): every command goes as a frame into a journal on disk and
 * into a second world beside the engine. Snapshots are that world's. At the end the directory gives the
 * same state again: from the first record, and from the newest snapshot and what is behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"
#include "venue/recover.h"

enum { SEGMENT_SIZE = 1 << 20, BATCH = 64 };

struct sim_journal {
    char dir[512];
    rf_world world;
    rf_journal *journal;
    uint32_t waiting;
    uint64_t unwritable, snapshots; /* commands that no frame can hold */
};

static rf_journal_options options_of(const sim_journal *journal)
{
    return (rf_journal_options){.disk = &rf_disk_files,
                                .dir = journal->dir,
                                .segment_size = SEGMENT_SIZE,
                                .identity = {1, 2}};
}

sim_journal *sim_journal_open(const sim_run *sim, const char *dir)
{
    sim_journal *journal = calloc(1, sizeof *journal);
    rf_recovery recovery;
    if (!journal || !rf_world_open(&journal->world, &sim_limits, false))
        sim_fail(sim, "no memory for a world");
    snprintf(journal->dir, sizeof journal->dir, "%s", dir);
    const rf_journal_options options = options_of(journal);
    journal->journal = rf_recover(&journal->world, &options, UINT64_MAX, &recovery);
    if (!journal->journal || recovery.journal.last_seq != 0)
        sim_fail(sim, "%s: an empty directory is wanted: %s", dir, recovery.error);
    return journal;
}

static void commit(sim_run *sim)
{
    sim_journal *journal = sim->journal;
    uint64_t durable;
    journal->waiting = 0;
    if (rf_journal_take(journal->journal) && !rf_journal_commit(journal->journal, &durable))
        sim_fail(sim, "%s", rf_journal_error(journal->journal));
}

bool sim_journal_write(sim_run *sim, const rf_command *command)
{
    sim_journal *journal = sim->journal;
    unsigned char bytes[RF_COMMAND_BYTES_MAX];
    const size_t size = rf_command_encode(command, bytes, sizeof bytes);
    if (size == 0) {
        journal->unwritable++;
        return false;
    }
    rf_journal_append(journal->journal, RF_RECORD_COMMAND, bytes, size);
    if (!rf_world_replay(&journal->world, RF_RECORD_COMMAND, bytes, size))
        sim_fail(sim, "a frame that was written is not read");
    if (++journal->waiting == BATCH)
        commit(sim);
    return true;
}

static bool save(void *from, rf_snap_write write, void *context)
{
    return rf_world_save(from, write, context);
}

void sim_journal_snapshot(sim_run *sim)
{
    sim_journal *journal = sim->journal;
    char error[256];
    commit(sim);
    if (!rf_snapfile_save(&rf_disk_files, journal->dir, rf_journal_last(journal->journal), save,
                          &journal->world, error))
        sim_fail(sim, "%s", error);
    journal->snapshots++;
}

static void compare(sim_run *sim, const rf_world *world, const char *what)
{
    const rf_digest live = rf_engine_digest(sim->engine), other = rf_engine_digest(world->engine);
    if (live.high != other.high || live.low != other.low)
        sim_fail(sim, "%s: another digest", what);
}

static void recover(sim_run *sim, uint64_t until, const char *what)
{
    rf_world world;
    rf_recovery recovery;
    const rf_journal_options options = options_of(sim->journal);
    if (!rf_world_open(&world, &sim_limits, false))
        sim_fail(sim, "no memory for a world");
    rf_journal *journal = rf_recover(&world, &options, until, &recovery);
    if (!journal || recovery.warning[0] != '\0')
        sim_fail(sim, "%s: %s%s", what, recovery.error, recovery.warning);
    if ((until == 0) != (recovery.snapshot_seq == 0) || world.record != rf_journal_last(journal))
        sim_fail(sim, "%s: begun with record %llu", what,
                 (unsigned long long)recovery.snapshot_seq);
    compare(sim, &world, what);
    rf_journal_close(journal);
    rf_world_close(&world);
}

void sim_journal_close(sim_run *sim)
{
    sim_journal *journal = sim->journal;
    commit(sim);
    compare(sim, &journal->world, "the world beside");
    printf("journal: %llu records, %llu snapshots, %llu commands that no frame holds\n",
           (unsigned long long)rf_journal_last(journal->journal),
           (unsigned long long)journal->snapshots, (unsigned long long)journal->unwritable);
    rf_journal_close(journal->journal);
    recover(sim, 0, "from the first record");
    if (journal->snapshots > 0)
        recover(sim, UINT64_MAX, "from the last snapshot");
    rf_world_close(&journal->world);
    free(journal);
    sim->journal = NULL;
}
