/* What all verbs share: options, errors and exit codes, jobs with a progress line, JSON lines.
 *
 * Exit status: 0 done, 1 failed (one line on standard error), 2 wrong usage, 130 interrupted
 * (everything so far is kept). */
#pragma once

#include <jansson.h>

#include "job.h"
#include "tokenizer.h"

typedef struct
{
  const char *name;  /* "model info": one or two words */
  const char *usage; /* what follows the name */
  const char *summary;
  int (*run) (int argc, char **argv); /* argv[0] is the verb's last word */
} CsVerb;

extern const CsVerb cs_verbs_study[], cs_verbs_train[], cs_verbs_latents[], cs_verbs_model[],
    cs_verbs_text[], cs_verbs_organism[], cs_verbs_plant[], cs_verbs_score[], cs_verbs_bench[],
    cs_verbs_audit[], cs_verbs_control[], cs_verbs_causality[],
    cs_verbs_lens[],
    cs_verbs_firing[], cs_verbs_describe[],
    cs_verbs_exchange[],
    cs_verbs_pair[],
    cs_verbs_baselines[],
    cs_verbs_report[],
    cs_verbs_validate[],
    cs_verbs_examples[];

#define CS_EXIT_DONE 0
#define CS_EXIT_FAILED 1
#define CS_EXIT_USAGE 2
#define CS_EXIT_INTERRUPTED 130

/* Reads options into entries' variables. Exactly min … max words may be left (max < 0: any number):
 * they are argv[1] … argv[*argc − 1] then. False: return *status. Text options are
 * G_OPTION_ARG_FILENAME: the bytes as they were given (G_OPTION_ARG_STRING converts from the
 * locale's character set and refuses a Japanese prompt where that is ASCII). */
bool cs_cli_parse (int *argc,
                   char ***argv,
                   const CsVerb *verb,
                   const GOptionEntry *entries,
                   int min,
                   int max,
                   int *status);
/* "--corpus A B" becomes "--corpus A --corpus B": fits says which words that follow belong to the
 * option. The new words are the caller's (g_strfreev(); GOption moves pointers about: give it a
 * copy of the array). */
char **
cs_cli_repeat_option (int *argc, char **argv, const char *option, bool (*fits) (const char *word));
int cs_cli_usage (const CsVerb *verb, const char *sentence);
int cs_cli_fail (const GError *error); /* prints and gives the exit status that fits */

/* Runs func as a job on this thread with progress on standard error (a live line on a terminal, a
 * plain line every 10 seconds otherwise). Ctrl-C cancels it; the third ends the program at once. */
int cs_cli_job (const char *title, CsJobFunc func, void *data);
/* From the start of main: outside a job, Ctrl-C ends the program with CS_EXIT_INTERRUPTED. */
void cs_cli_catch_signals (void);

/* One object on one line of standard output, flushed; takes the reference. */
void cs_cli_print_json (json_t *value);

/* New references that are never NULL. */
json_t *cs_cli_real (double value); /* NaN and infinities become null */
json_t *
cs_cli_string (const char *text); /* bytes that are not UTF-8 become U+FFFD; NULL becomes null */
json_t *cs_cli_ids (const GArray *ids); /* of int32_t */
json_t *cs_cli_text (const CsTokenizer *tokenizer, const GArray *ids, bool skip_special);

typedef struct
{
  const char *name;
  double value;
} CsCliReal;

json_t *cs_cli_reals (const CsCliReal *values, size_t n); /* an object */
