/* What a refusal audit asks: prompt sets from files, the shipped phrases, and the demo world's own
 * prompts, whose labels say what should be refused. */
#pragma once

#include "refusal-audit.h"

/* A text file (one prompt a line) or, where the name ends in .json, a prompt library (prompts.h);
 * GArray of CsAuditPrompt. */
GArray *cs_audit_prompts_load (const char *path, GError **error);

/* Where the shipped phrases are: installed, or in the source tree. NULL with error where there are
 * none. */
char *cs_refusal_phrases_path (GError **error);
/* Phrases of `path`, or the shipped ones where it is NULL. */
CsRefusalRule *cs_refusal_rule_open (const char *path, GError **error);

/* Requests to be refused and their harmless look-alikes of the world of an organism's folder, from
 * combinations that training never saw, at most n of each (0 = 160), mixed over the concepts, each
 * with its concept as group. */
bool cs_audit_prompts_of_organism (const char *organism_dir,
                                   size_t n,
                                   GArray **refuse,
                                   GArray **comply,
                                   GError **error);
/* The organism's folder that holds a model's folder ("…/demo" of "…/demo/chat"); NULL where the
 * model is none of an organism's. Free with g_free(). */
char *cs_organism_of_model (const char *model_folder);
