/* Parts of the test program of studies. */
#pragma once

#include "study.h"

/* A new study in a temporary folder; free the folder's name after remove_tree(). */
CsStudy *test_study_new (char **folder);
/* Unrefs the study and removes its folder. */
void     test_study_free (CsStudy *study, char *folder);
void     test_write (const char *folder, const char *name, const char *content);

void add_job_tests (void);
