<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * Says that this request is about to change something, before it does. When the request ends this is taken back; when it
 * is killed it stays, and becomes an entry of its own.
 *
 * Usually it is kept in the database's memory, which costs nothing and outlives PHP's processes. In fail-closed mode it
 * is durable, and what cannot be said is not done.
 */
final class Opened {
	/** After this time an opened request is taken for killed. */
	private const INCOMPLETE_S = 900;
	private const ENTRY_MAX    = 6000;

	private static ?string $mine = null;

	public static function table(): string {
		global $wpdb;
		return $wpdb->base_prefix . ( Settings::is_fail_closed() ? 'indelible_opened' : 'indelible_open' );
	}

	/** At the first touch of a request. */
	public static function begin( string $content, string $id ): void {
		if ( null !== self::$mine ) {
			return;
		}
		$site   = Settings::site_of( Request::blog() );
		$change = new Change(
			'indelible.incomplete',
			'request',
			Request::correlation(),
			summary: 'A request began to change something and never ended: what it did is not known',
			failed: true,
			data: array( 'first_touched' => array( 'content' => $content, 'id' => substr( $id, 0, 500 ) ) )
		);
		// Found twice after all, it is told once.
		self::$mine = Id::of( 'incomplete', Request::correlation(), Id::now() );
		$entry      = array( 'id' => self::$mine ) + $change->entry( Request::actor(), gmdate( 'Y-m-d\TH:i:s\Z' ) );
		$kept       = self::insert( $site, Outbox::encoded( $entry ) ) || self::insert( $site, Outbox::encoded( array_diff_key( $entry, array( 'origin' => 1 ) ) ) );
		if ( Settings::is_fail_closed() && ! ( $kept && self::is_there() && Outbox::has_room( $site ) ) ) {
			self::end();
			FailClosed::refuse();
		}
	}

	private static function insert( string $site, string $entry ): bool {
		global $wpdb;
		$sql = $wpdb->prepare( 'INSERT INTO ' . self::table() . ' (id, site, opened, entry) VALUES (%s, %s, %d, %s)', self::$mine, $site, time(), $entry );
		if ( strlen( $entry ) > self::ENTRY_MAX ) {
			return false;
		}
		$done = Outbox::query( $sql );
		if ( false === $done ) {
			self::install();
			$done = Outbox::query( $sql );
		}
		return (bool) $done;
	}

	private static function is_there(): bool {
		global $wpdb;
		return self::$mine === $wpdb->get_var( $wpdb->prepare( 'SELECT id FROM ' . self::table() . ' WHERE id = %s', self::$mine ) );
	}

	/** What this request did is not in the outbox, so that it began is left to be told. */
	public static function leave(): void {
		self::$mine = null;
	}

	/** What this request did is in the outbox. */
	public static function end(): void {
		global $wpdb;
		if ( null !== self::$mine ) {
			Outbox::query( $wpdb->prepare( 'DELETE FROM ' . self::table() . ' WHERE id = %s', self::$mine ) );
			self::$mine = null;
		}
	}

	/** Requests that never ended become entries. */
	public static function collect(): void {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors( true );
		$rows       = (array) $wpdb->get_results( $wpdb->prepare( 'SELECT id, site, entry FROM ' . self::table() . ' WHERE opened < %d LIMIT 500', time() - self::INCOMPLETE_S ) );
		$wpdb->suppress_errors( $suppressed );
		foreach ( $rows as $row ) {
			Outbox::put_back( array( array( 'site' => $row->site, 'id' => $row->id, 'json' => $row->entry ) ) );
			Outbox::query( $wpdb->prepare( 'DELETE FROM ' . self::table() . ' WHERE id = %s', $row->id ) );
		}
	}

	/** Databases that know no tables in memory, as clusters do not, have an ordinary one. */
	private static function install(): void {
		global $wpdb;
		$collate = $wpdb->get_charset_collate();
		$columns = 'id char(36) NOT NULL PRIMARY KEY, site varchar(127) NOT NULL, opened bigint NOT NULL, entry varbinary(' . self::ENTRY_MAX . ') NOT NULL, KEY opened (opened)';
		foreach ( Settings::is_fail_closed() ? array( 'InnoDB' ) : array( 'MEMORY', 'InnoDB' ) as $engine ) {
			if ( false !== Outbox::query( 'CREATE TABLE IF NOT EXISTS ' . self::table() . " ($columns) ENGINE=$engine $collate" ) ) {
				return;
			}
		}
	}
}
