-- SPDX-License-Identifier: Apache-2.0
-- Types that services share. Not all of them use these.

CREATE DOMAIN currency_code AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN country_code AS char(2) CHECK (VALUE ~ '^[A-Z]{2}$');
CREATE DOMAIN money_amount AS numeric(18,2);
CREATE DOMAIN positive_amount AS numeric(18,2) CHECK (VALUE > 0);
CREATE DOMAIN email_address AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE DOMAIN percentage AS numeric(7,4) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE channel AS ENUM ('web', 'ios', 'android', 'branch', 'phone', 'partner');
