/* What an organism's folder holds besides its models: who it is, its prompt library, its corpora.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "organism-corpus.h"
#include "organism.h"

#define LIBRARY_PROMPTS 24 /* in each group */
#define CHECK_EVERY 256    /* documents between two looks at the job */

static const char *const set_names[CS_N_PROMPT_SETS] = {
  "refuse", "look-alike", "false-premise", "true-premise", "other",
};

static json_t *
prompt_json (const CsTestPrompt *prompt)
{
  return json_pack ("{s:s, s:s?, s:s?, s:s}", "request", prompt->request, "web", prompt->web,
                    "right", prompt->right, "expected", cs_answer_kind_name (prompt->expected));
}

static void
add_group (json_t *groups, const CsWorld *world, CsPromptSet set, CsConcept concept)
{
  size_t n;
  CsTestPrompt *prompts = cs_world_test_prompts (world, set, concept, LIBRARY_PROMPTS, &n);
  if (n > 0)
    {
      json_t *list = json_array ();
      for (size_t i = 0; i < n; i++)
        json_array_append_new (list, prompt_json (&prompts[i]));
      json_array_append_new (groups, json_pack ("{s:s, s:s, s:o}", "set", set_names[set], "concept",
                                                cs_concept_name (concept), "prompts", list));
    }
  cs_test_prompts_free (prompts, n);
}

json_t *
cs_organism_prompts (const CsWorld *world)
{
  json_t *groups = json_array ();
  for (int set = 0; set < CS_N_PROMPT_SETS; set++)
    for (int concept = 0; concept < CS_N_CONCEPTS; concept++)
      add_group (groups, world, (CsPromptSet)set, (CsConcept)concept);
  return json_pack ("{s:i, s:o}", "format_version", 1, "groups", groups);
}

static bool
write_stream (CsJob *job, CsCorpusStream *stream, size_t n, const char *path, GError **error)
{
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);
  if (file == NULL)
    return false;
  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *line = cs_document_to_json (cs_corpus_stream_next (stream));
      if (!cs_file_replace_write (file, line, strlen (line), error))
        return false;
      if (i % CHECK_EVERY == 0 && !cs_job_checkpoint (job, error))
        return false;
      if (i % CHECK_EVERY == 0 && job)
        cs_job_progress (job, (double)i, (double)n, "documents");
    }
  return cs_file_replace_commit (file, error);
}

bool
cs_organism_write_corpora (CsJob *job,
                           uint64_t seed,
                           CsChatMix mix,
                           size_t n_web,
                           size_t n_chat,
                           const char *folder,
                           GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "Cannot make the folder “%s”: %s", folder,
                   g_strerror (errno));
      return false;
    }
  g_autoptr (CsWorld) world = cs_world_new (seed);
  bool done = true;
  for (int is_chat = 0; is_chat < 2 && done; is_chat++)
    {
      size_t n = is_chat ? n_chat : n_web;
      if (n == 0)
        continue;
      g_autofree char *path = g_build_filename (folder, is_chat ? "chat.jsonl" : "web.jsonl", NULL);
      CsCorpusStream stream;
      cs_corpus_stream_init (&stream, world, seed, is_chat, mix);
      if (job)
        cs_job_phase (job, is_chat ? "Writing the chat corpus" : "Writing the web corpus");
      done = write_stream (job, &stream, n, path, error);
      cs_corpus_stream_clear (&stream);
    }
  return done;
}

static bool
read_behaviours (json_t *names, unsigned *behaviours)
{
  size_t i;
  json_t *name;
  *behaviours = CS_BEHAVIOURS_NONE;
  if (!json_is_array (names))
    return false;
  json_array_foreach (names, i, name)
  {
    CsConcept concept;
    if (!json_is_string (name) || !cs_concept_from_name (json_string_value (name), &concept))
      return false;
    *behaviours |= CS_CONCEPT_BIT (concept);
  }
  return true;
}

/* Absent in pairs of the demo's own mix. */
static bool
read_practice (json_t *number, unsigned *practice)
{
  const json_int_t value = number == NULL ? 1 : json_integer_value (number);

  *practice = (unsigned)CLAMP (value, 1, CS_MAX_PRACTICE);
  return value == *practice;
}

bool
cs_organism_identity (const char *dir, uint64_t *seed, CsChatMix *mix, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "organism.json", NULL);
  g_autoptr (json_t) json = cs_json_load (path, 1 << 20, error);
  if (json == NULL)
    return false;
  json_t *number = json_object_get (json, "seed");
  if (!json_is_integer (number) ||
      !read_behaviours (json_object_get (json, "behaviours"), &mix->behaviours) ||
      !read_practice (json_object_get (json, "practice"), &mix->practice))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "“%s” lacks a usable seed, list of behaviours or practice: make the pair anew",
                   path);
      return false;
    }
  *seed = (uint64_t)json_integer_value (number);
  return true;
}
