#pragma once

/* The verb "organism tune". */
int cs_cli_organism_tune (int argc, char **argv);
int cs_cli_organism_match (int argc, char **argv);
