/* The verbs of the program: one function each. argv[0] is the verb; the answer is the exit status:
 * 0 success, 1 wrong data, 2 wrong usage.
 *
 * May include: nothing. */
#ifndef RF_CLI_VERBS_H
#define RF_CLI_VERBS_H

int rf_cli_replay(int argc, char **argv);
int rf_cli_simulate(int argc, char **argv);
int rf_cli_verify(int argc, char **argv);
int rf_cli_journal(int argc, char **argv);
int rf_cli_explain(int argc, char **argv);
int rf_cli_bench(int argc, char **argv);
int rf_cli_describe(int argc, char **argv);
int rf_cli_serve(int argc, char **argv);
int rf_cli_call(int argc, char **argv);

extern const char rf_cli_replay_help[];

#endif
