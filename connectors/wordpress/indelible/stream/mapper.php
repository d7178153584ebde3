<?php
declare( strict_types=1 );

namespace Indelible\Stream;

use Indelible\Id;
use Indelible\Request;
use Indelible\Value;

/** A record of Stream as an entry, in the form that `indelible import --format stream` gives it, and back. */
final class Mapper {
	public const COLUMNS = array( 'ID', 'site_id', 'blog_id', 'object_id', 'user_id', 'user_role', 'summary', 'created', 'connector', 'context', 'action', 'ip' );
	private const NAMING = array( 'id', 'slug', 'key', 'option', 'name', 'title', 'label' );
	private const TITLES = array( 'post_title', 'display_name', 'term_name', 'site_name', 'title', 'label', 'name', 'topic_title', 'action_title', 'domain' );

	public static function entry( array $record ): array {
		$meta      = (array) Value::plain( $record['meta'] ?? array() );
		$text      = static fn ( string $column ): string => Value::utf8( (string) ( $record[ $column ] ?? '' ) );
		$connector = $text( 'connector' );
		$action    = substr( 'wp.' . $connector . '.' . $text( 'action' ), 0, 255 );
		$entry     = array(
			'id'             => Id::now(),
			'occurred_at'    => self::time( $text( 'created' ) ),
			'actor'          => self::actor( $record, $meta ),
			'action'         => $action,
			'entity'         => self::entity( $connector, $text( 'context' ), $text( 'object_id' ), $meta ),
			'summary'        => '' === $text( 'summary' ) ? null : $text( 'summary' ),
			'origin'         => self::origin( $text( 'ip' ), $meta ),
			'correlation_id' => Request::correlation(),
			'connector'      => 'stream',
			'data'           => self::columns( $record, $meta ),
		) + self::states( $connector, $text( 'action' ), $meta );
		return array_filter( $entry, static fn ( $part ): bool => null !== $part );
	}

	/** All columns with `meta` as it came: what Stream's list is made from again. */
	private static function columns( array $record, array $meta ): array {
		$columns = array();
		foreach ( self::COLUMNS as $column ) {
			if ( isset( $record[ $column ] ) ) {
				$columns[ $column ] = Value::utf8( (string) $record[ $column ] );
			}
		}
		return $columns + array( 'meta' => (object) $meta );
	}

	/** The record as Stream's list expects it. */
	public static function record( array $entry ): object {
		$data   = $entry['data'] ?? array();
		$record = new \stdClass();
		foreach ( self::COLUMNS as $column ) {
			$record->$column = $data[ $column ] ?? ( in_array( $column, array( 'object_id', 'ip' ), true ) ? null : '' );
		}
		$record->meta = $data['meta'] ?? array();
		return $record;
	}

	/** `created` is UTC and says so nowhere. */
	private static function time( string $created ): string {
		$time = strtotime( "$created UTC" );
		return gmdate( 'Y-m-d\TH:i:s\Z', false === $time ? time() : $time );
	}

	private static function actor( array $record, array $meta ): array {
		$user = (string) ( $record['user_id'] ?? '0' );
		if ( '0' === $user || '' === $user ) {
			return array( 'type' => 'system' );
		}
		$told  = (array) ( $meta['user_meta'] ?? array() );
		$word  = static fn ( string $key ): ?string => is_string( $told[ $key ] ?? null ) && '' !== $told[ $key ] ? $told[ $key ] : null;
		$role  = (string) ( $record['user_role'] ?? '' );
		$actor = array( 'type' => 'user', 'id' => $user, 'name' => $word( 'display_name' ) ?? $word( 'user_login' ), 'email' => $word( 'user_email' ), 'roles' => '' === $role ? null : array( $role ) );
		return array_filter( $actor, static fn ( $part ): bool => null !== $part );
	}

	private static function origin( string $ip, array $meta ): array {
		$agent  = (string) ( $meta['user_meta']['agent'] ?? '' );
		$origin = array( 'channel' => '' === $agent ? Request::channel() : $agent ) + Request::origin();
		unset( $origin['ip'] );
		return filter_var( $ip, FILTER_VALIDATE_IP ) ? array( 'ip' => $ip ) + $origin : $origin;
	}

	/** `object_id` means another thing for every connector and is often missing. */
	private static function entity( string $connector, string $context, string $object, array $meta ): array {
		$of   = static fn ( string $key ): ?string => is_scalar( $meta[ $key ] ?? null ) && '' !== (string) $meta[ $key ] ? (string) $meta[ $key ] : null;
		$type = match ( $connector ) {
			'comments' => 'comment',
			'media' => 'attachment',
			'menus' => 'menu',
			'users' => 'user',
			'settings' => 'option',
			'installer' => array( 'plugins' => 'plugin', 'themes' => 'theme', 'wordpress' => 'core' )[ $context ] ?? $context,
			'editor' => 'file',
			'widgets' => null === $of( 'widget_id' ) ? 'sidebar' : 'widget',
			'blogs' => 'site',
			'mercator' => 'domain',
			default => $context,
		};
		$id = '' === $object || '0' === $object ? self::id_in( $connector, $of ) : $object;
		$id ??= '' === $context ? $connector : $context;
		$title = self::title( $connector, $of );
		return array( 'type' => '' === $type ? $connector : $type, 'id' => substr( $id, 0, 2000 ) ) + ( null === $title ? array() : array( 'title' => $title ) );
	}

	private static function id_in( string $connector, callable $of ): ?string {
		if ( 'settings' === $connector && null !== $of( 'option' ) ) {
			return null === $of( 'option_key' ) ? $of( 'option' ) : $of( 'option' ) . '[' . $of( 'option_key' ) . ']';
		}
		$keys = match ( $connector ) {
			'settings' => array(),
			'widgets' => array( 'widget_id', 'sidebar_id' ),
			'installer' => array( 'slug', 'name' ),
			'editor' => array( 'file_path', 'file' ),
			'menus' => array( 'menu_id', 'location_id' ),
			'taxonomies' => array( 'term_id' ),
			'mercator' => array( 'domain' ),
			default => self::NAMING,
		};
		return self::first( $keys, $of );
	}

	private static function title( string $connector, callable $of ): ?string {
		if ( 'comments' === $connector ) {
			$parts = array_filter( array( $of( 'user_name' ), null === $of( 'post_title' ) ? null : trim( $of( 'post_title' ), '"' ) ) );
			return $parts ? implode( ' on ', $parts ) : null;
		}
		return self::first( array( ...self::TITLES, 'widget_id' ), $of );
	}

	private static function first( array $keys, callable $of ): ?string {
		foreach ( $keys as $key ) {
			if ( null !== $of( $key ) ) {
				return $of( $key );
			}
		}
		return null;
	}

	/** The states that a record's pairs of old and new values amount to; equal ones say nothing. */
	private static function states( string $connector, string $action, array $meta ): array {
		$before = array();
		$after  = array();
		foreach ( $meta as $key => $old ) {
			$name = str_starts_with( (string) $key, 'old_' ) ? substr( $key, 4 ) : '';
			$new  = $meta[ "new_$name" ] ?? $meta[ $name ] ?? null;
			if ( '' === $name || null === $new || Value::same( $old, $new ) ) {
				continue;
			}
			if ( 'status' !== $name || 'new' !== $old ) {
				$before[ $name ] = $old;
			}
			$after[ $name ] = $new;
		}
		if ( 'settings' === $connector && isset( $meta['old_value'] ) !== isset( $meta['value'] ) ) {
			$before['value'] = $meta['old_value'] ?? null;
			$after['value']  = $meta['value'] ?? null;
		}
		if ( ! $after || ! $before && 'created' !== $action ) {
			return array();
		}
		return array( 'before' => $before ? $before : null, 'after' => $after );
	}
}
