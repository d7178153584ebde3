<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * First touch, last look. At the first sign that an entity will change its state is read; when the request ends it is
 * read again, and what lies between is one entry. What happens in between (WordPress saves a post, its terms and its
 * metadata one by one, and sets roles by way of none) is nobody's intent and is not told.
 */
final class Ledger {
	/** A long-running command writes what it did now and then, to bound memory and what a crash can take along. */
	private const TOUCHED_MAX = 300;

	/** @var array<string, array{watcher: Watcher, id: string, blog: int, log_blog: int, before: ?array, actor: array, at: string}> */
	private static array $touched = array();
	/** @var array<int, array{int, Change, array, string}> What happened without being a change of state. */
	private static array $events = array();
	private static bool $settling = false;
	private static int $count     = 0;
	/** @var int[] Blogs that are being made or taken down: what is done to them is part of that. */
	private static array $passed_over = array();

	/** @param array|null|false $before The state before where the hook knows it; false to read it. */
	public static function touch( Watcher $watcher, string $id, array|null|false $before = false ): void {
		$blog = $watcher->is_of_network() ? 0 : get_current_blog_id();
		$key  = $watcher::class . "|$blog|$id";
		if ( isset( self::$touched[ $key ] ) && 'system' === self::$touched[ $key ]['actor']['type'] ) {
			// Before it was known who asks, or before he signed in.
			self::$touched[ $key ]['actor'] = Request::actor();
		}
		if ( self::$settling || isset( self::$touched[ $key ] ) || in_array( get_current_blog_id(), self::$passed_over, true ) ) {
			return;
		}
		if ( count( self::$touched ) >= self::TOUCHED_MAX ) {
			self::settle();
		}
		if ( ! self::$touched && ! self::$events ) {
			Opened::begin( strtolower( substr( strrchr( $watcher::class, '\\' ), 1 ) ), $id );
		}
		++self::$count;
		self::$touched[ $key ] = array(
			'watcher'  => $watcher,
			'id'       => $id,
			'blog'     => $blog,
			'log_blog' => Request::blog(),
			'before'   => false === $before ? $watcher->state( $id ) : $before,
			'actor'    => Request::actor(),
			'at'       => self::now(),
		);
	}

	/** It was not there before this request, whatever was read at the first touch. */
	public static function created( Watcher $watcher, string $id ): void {
		self::touch( $watcher, $id, null );
		$blog = $watcher->is_of_network() ? 0 : get_current_blog_id();
		$key  = $watcher::class . "|$blog|$id";
		if ( isset( self::$touched[ $key ] ) ) {
			self::$touched[ $key ]['before'] = null;
		}
	}

	/** Something that happened: a sign-in, an import, an attempt. */
	public static function event( Change $change ): void {
		self::$events[] = array( $change->blog ?? Request::blog(), $change, $change->actor ?? Request::actor(), self::now() );
	}

	/** How much was touched in this request so far. */
	public static function count(): int {
		return self::$count;
	}

	/** What happens to a blog while it is made or taken down is not told one by one. */
	public static function pass_over( int $blog, bool $on = true ): void {
		self::$passed_over = array_diff( self::$passed_over, array( $blog ) );
		if ( $on ) {
			self::$passed_over[] = $blog;
		}
	}

	/** Forgets what was touched: somebody else tells of it. */
	public static function forget(): void {
		self::$touched = array();
		self::$events  = array();
	}

	/** Looks again at all that was touched and hands the differences to the outbox. */
	public static function settle(): void {
		if ( self::$settling || ! self::$touched && ! self::$events ) {
			return;
		}
		self::$settling = true;
		$touched        = self::$touched;
		$events         = self::$events;
		self::forget();
		$entries = array();
		foreach ( self::groups( $touched ) as $group ) {
			foreach ( self::told( $group ) as [ $touch, $change ] ) {
				$entries[] = array( Settings::site_of( $change->blog ?? $touch['log_blog'] ), $change->entry( $touch['actor'], $touch['at'] ) );
			}
		}
		foreach ( $events as [ $blog, $change, $actor, $at ] ) {
			$entries[] = array( Settings::site_of( $blog ), $change->entry( $actor, $at ) );
		}
		// In the order in which it happened.
		usort( $entries, static fn ( array $one, array $other ): int => $one[1]['occurred_at'] <=> $other[1]['occurred_at'] );
		Outbox::append( $entries );
		self::$settling = false;
	}

	/** What one watcher can look at again together. @return array<string, array[]> */
	private static function groups( array $touched ): array {
		$groups = array();
		foreach ( $touched as $touch ) {
			$groups[ $touch['watcher']::class . '|' . $touch['blog'] ][] = $touch;
		}
		return $groups;
	}

	/** The changes of a group; one that fails does not take the others along. */
	private static function told( array $group ): array {
		$told = Plugin::never_fail( static fn (): array => self::changes_of( $group ) );
		if ( null !== $told || 1 === count( $group ) ) {
			return $told ?? array();
		}
		return array_merge( ...array_map( static fn ( array $touch ): array => self::told( array( $touch ) ), $group ) );
	}

	/** @return array<int, array{array, Change}> Each with what was touched. */
	private static function changes_of( array $group ): array {
		[ 'watcher' => $watcher, 'blog' => $blog ] = $group[0];
		$switch                                    = $blog > 0 && get_current_blog_id() !== $blog;
		if ( $switch && null === get_site( $blog ) ) {
			return array(); // The blog is gone, and its deletion is told.
		}
		$switch && switch_to_blog( $blog );
		try {
			$after   = $watcher->states( array_column( $group, 'id' ) );
			$changes = array();
			foreach ( $group as $touch ) {
				$is = $after[ $touch['id'] ];
				foreach ( Value::same( $touch['before'], $is ) ? array() : $watcher->changes( $touch['id'], $touch['before'], $is ) as $change ) {
					$changes[] = array( $touch, $change );
				}
			}
			return $changes;
		} finally {
			$switch && restore_current_blog();
		}
	}

	private static function now(): string {
		[ $fraction, $seconds ] = explode( ' ', microtime() );
		return gmdate( 'Y-m-d\TH:i:s', (int) $seconds ) . substr( $fraction, 1, 7 ) . 'Z';
	}
}
